// mongosh's client: see client.py, whose sibling it is. Run with --nodb and CLIENT_JOBS naming the file.
'use strict';

const fs = require('fs');

const MAJORITY = { writeConcern: { w: 'majority' } };

function describe(error) {
  return { code: error.code ?? null, name: error.codeName ?? null, text: `${error.name}: ${error.message}`.slice(0, 600) };
}

function say(result) {
  fs.writeSync(1, JSON.stringify(result) + '\n');
}

function users(reply) {
  return reply.authInfo.authenticatedUsers.map((u) => `${u.user}@${u.db}`);
}

const steps = {
  status(mongo) {
    return { users: users(mongo.getDB('admin').runCommand({ connectionStatus: 1 })) };
  },

  role(mongo) {
    const reply = mongo.getDB('admin').runCommand({ isMaster: 1 });
    return { primary: reply.ismaster, hosts: (reply.hosts ?? []).sort(), set: reply.setName ?? null, wire: reply.maxWireVersion };
  },

  insert(mongo, step) {
    mongo.getDB('shop').getCollection(step.into).insertOne({ _id: step.id }, MAJORITY);
    return {};
  },

  forbidden(mongo) {
    mongo.getDB('elsewhere').getCollection('things').insertOne({ _id: 1 });
    return {};
  },

  documents(mongo, step) {
    const shop = mongo.getDB('shop');
    const things = shop.getCollection(step.into);
    things.drop();
    const many = Array.from({ length: 500 }, (_, n) => ({ _id: n, group: n % 3, text: 'x'.repeat(50) }));
    const out = { inserted: Object.keys(things.insertMany(many, MAJORITY).insertedIds).length };
    out.read = things.find({ group: { $in: [0, 1] } }).batchSize(100).sort({ _id: -1 }).toArray().length;
    out.first = things.find().sort({ _id: -1 }).limit(1).toArray()[0]._id;
    const changed = things.updateMany({ group: 2 }, { $set: { seen: true } }, MAJORITY);
    out.changed = [changed.matchedCount, changed.modifiedCount];
    out.upserted = things.updateOne({ _id: 'new' }, { $inc: { n: 5 } }, { upsert: true, ...MAJORITY }).insertedId;
    out.found = things.findOneAndUpdate({ _id: 'new' }, { $inc: { n: 1 } }, { returnDocument: 'after' }).n;
    out.deleted = things.deleteMany({ _id: { $lt: 100 } }, MAJORITY).deletedCount;
    out.counted = [things.countDocuments({}), things.estimatedDocumentCount()];
    things.createIndex({ group: 1, text: -1 }, { name: 'by_group' });
    out.indexes = things.getIndexes().map((i) => i.name).sort();
    out.collections = shop.getCollectionNames().includes(step.into);
    things.drop();
    out.dropped = !shop.getCollectionNames().includes(step.into);
    return out;
  },

  write(mongo, step) {
    const rows = mongo.getDB('shop').getCollection(step.into);
    const sums = mongo.getDB('shop').getCollection(step.into + '.sum');
    const out = { acknowledged: 0, errors: [] };
    let n = 0;
    while (!fs.existsSync(step.stop)) {
      n++;
      try {
        rows.insertOne({ _id: n }, MAJORITY);
        sums.updateOne({ _id: 'sum' }, { $inc: { n: 1 } }, { upsert: true, ...MAJORITY });
        out.acknowledged++;
        if (n === 1) say({ step: 'writing' });
      } catch (error) {
        out.errors.push(describe(error));
      }
    }
    out.tried = n;
    return out;
  },
};

for (const line of fs.readFileSync(process.env.CLIENT_JOBS, 'utf8').trim().split('\n')) {
  const job = JSON.parse(line);
  let mongo = null;
  for (const step of job.steps) {
    let result;
    try {
      mongo = mongo ?? connect(job.uri).getMongo();
      result = steps[step.do](mongo, step);
    } catch (error) {
      result = { error: describe(error) };
    }
    say({ job: job.name, step: step.do, ...result });
  }
}
