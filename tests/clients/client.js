// The Node driver's client: see client.py, whose sibling it is.
'use strict';

const fs = require('fs');
const { MongoClient, ReturnDocument } = require('mongodb');

const MAJORITY = { writeConcern: { w: 'majority' } };

function describe(error) {
  return { code: error.code ?? null, name: error.codeName ?? null, text: `${error.name}: ${error.message}`.slice(0, 600) };
}

function print(result) {
  fs.writeSync(1, JSON.stringify(result) + '\n');
}

const steps = {
  async status(client) {
    const { authInfo } = await client.db('admin').command({ connectionStatus: 1 });
    return { users: authInfo.authenticatedUsers.map((u) => `${u.user}@${u.db}`) };
  },

  async role(client) {
    const reply = await client.db('admin').command({ isMaster: 1 });
    return { primary: reply.ismaster, hosts: (reply.hosts ?? []).sort(), set: reply.setName ?? null, wire: reply.maxWireVersion };
  },

  async insert(client, step) {
    await client.db('shop').collection(step.into, MAJORITY).insertOne({ _id: step.id });
    return {};
  },

  async forbidden(client) {
    await client.db('elsewhere').collection('things').insertOne({ _id: 1 });
    return {};
  },

  async documents(client, step) {
    const shop = client.db('shop');
    const things = shop.collection(step.into, MAJORITY);
    const has = async () => (await shop.listCollections().toArray()).some((c) => c.name === step.into);
    await things.drop().catch(() => {});
    const many = Array.from({ length: 500 }, (_, n) => ({ _id: n, group: n % 3, text: 'x'.repeat(50) }));
    const out = { inserted: (await things.insertMany(many)).insertedCount };
    out.read = (await things.find({ group: { $in: [0, 1] } }, { batchSize: 100 }).sort({ _id: -1 }).toArray()).length;
    out.first = (await things.find().sort({ _id: -1 }).limit(1).next())._id;
    const changed = await things.updateMany({ group: 2 }, { $set: { seen: true } });
    out.changed = [changed.matchedCount, changed.modifiedCount];
    out.upserted = (await things.updateOne({ _id: 'new' }, { $inc: { n: 5 } }, { upsert: true })).upsertedId;
    const found = await things.findOneAndUpdate({ _id: 'new' }, { $inc: { n: 1 } }, { returnDocument: ReturnDocument.AFTER });
    out.found = found.n;
    out.deleted = (await things.deleteMany({ _id: { $lt: 100 } })).deletedCount;
    out.counted = [await things.countDocuments({}), await things.estimatedDocumentCount()];
    await things.createIndex({ group: 1, text: -1 }, { name: 'by_group' });
    out.indexes = (await things.indexes()).map((i) => i.name).sort();
    out.collections = await has();
    await things.drop();
    out.dropped = !(await has());
    return out;
  },

  async write(client, step) {
    const rows = client.db('shop').collection(step.into, MAJORITY);
    const sums = client.db('shop').collection(step.into + '.sum', MAJORITY);
    const out = { acknowledged: 0, errors: [] };
    let n = 0;
    while (!fs.existsSync(step.stop)) {
      n++;
      try {
        await rows.insertOne({ _id: n });
        await sums.updateOne({ _id: 'sum' }, { $inc: { n: 1 } }, { upsert: true });
        out.acknowledged++;
        if (n === 1) print({ step: 'writing' });
      } catch (error) {
        out.errors.push(describe(error));
      }
    }
    out.tried = n;
    return out;
  },
};

async function main() {
  for (const line of fs.readFileSync(process.argv[2], 'utf8').trim().split('\n')) {
    const job = JSON.parse(line);
    const client = new MongoClient(job.uri);
    for (const step of job.steps) {
      let result;
      try {
        result = await steps[step.do](client, step);
      } catch (error) {
        result = { error: describe(error) };
      }
      print({ job: job.name, step: step.do, ...result });
    }
    await client.close();
  }
}

// A timer of the driver's (how long it may look for a server) would keep the process for half a minute.
main().then(() => process.exit(0));
