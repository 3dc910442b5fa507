/* The arguments of the commands that are played, by version: which a command takes, of which type,
 * and its words for what is wrong with them. From the IDL files of 5.0 and later, and from the
 * commands' own code before that. */
#include "arguments.h"

#define WRITE "ordered:bool bypassDocumentValidation:safeBool stmtId:int stmtIds:[int] "
#define LATER_WRITE                                                                                \
    WRITE "isTimeseriesNamespace:safeBool let:object collectionUUID:any "                          \
          "encryptionInformation:any sampleId:any bypassEmptyTsReplacement:any "
#define CREATE                                                                                     \
    "=collection capped:safeBool autoIndexId:safeBool idIndex:object size:safeInt64 "              \
    "max:safeInt64 storageEngine:object validator:object validationLevel:string "                  \
    "validationAction:string indexOptionDefaults:object viewOn:string pipeline:[object] "          \
    "collation:object temp:safeBool flags:safeInt64 "
#define FLAGS                                                                                      \
    "singleBatch:optionalBool allowDiskUse:optionalBool returnKey:optionalBool "                   \
    "showRecordId:optionalBool tailable:optionalBool oplogReplay:any "                             \
    "noCursorTimeout:optionalBool awaitData:optionalBool allowPartialResults:optionalBool "        \
    "mirrored:optionalBool readOnce:optionalBool requestResumeToken:optionalBool "

const struct grammar grammars[] = {
    {"insert", 42, 44, BY_IDL, true, "=collection documents:[object]! " WRITE},
    {"insert", 44, 0, BY_IDL, true, "=collection documents:[object]! " LATER_WRITE},
    {"update", 42, 44, BY_IDL, true,
     "=collection updates:[object]! runtimeConstants:object " WRITE},
    {"update", 44, 0, BY_IDL, true,
     "=collection updates:[object]! runtimeConstants:object " LATER_WRITE},
    {"update.updates", 42, 44, BY_IDL, true,
     "q:object! u:change! c:object arrayFilters:[object] hint:any multi:bool upsert:bool "
     "collation:object"},
    {"update.updates", 44, 0, BY_IDL, true,
     "q:object! u:change! c:object arrayFilters:[object] hint:any multi:bool upsert:bool "
     "collation:object constants:object upsertSupplied:any sort:object sampleId:any "
     "allowShardKeyUpdatesWithoutFullShardKeyInQuery:any"},
    {"delete", 42, 44, BY_IDL, true, "=collection deletes:[object]! " WRITE},
    {"delete", 44, 0, BY_IDL, true,
     "=collection deletes:[object]! runtimeConstants:object " LATER_WRITE},
    {"delete.deletes", 42, 44, BY_IDL, true, "q:object! limit:any! collation:object"},
    {"delete.deletes", 44, 0, BY_IDL, true,
     "q:object! limit:any! collation:object hint:any sampleId:any"},
    {"count", 42, 0, BY_IDL, true,
     "=collection query:object limit:any skip:any hint:any collation:object comment:any "
     "fields:any collectionUUID:any encryptionInformation:any includeQueryStatsMetrics:any"},
    {"create", 42, 44, BY_IDL, true, CREATE},
    {"create", 44, 0, BY_IDL, true,
     CREATE "recordPreImages:safeBool timeseries:object clusteredIndex:any "
            "expireAfterSeconds:safeInt64 changeStreamPreAndPostImages:object "
            "encryptedFields:object"},
    {"dropConnections", 42, 0, BY_IDL, true, "hostAndPort:[string]!"},
    {"listDatabases", 42, 0, BY_IDL, true,
     "nameOnly:safeBool authorizedDatabases:bool filter:object"},
    {"shutdown", 44, 0, BY_IDL, true, "force:bool timeoutSecs:safeInt64"},
    {"getDefaultRWConcern", 44, 0, BY_IDL, true, "inMemory:bool"},
    {"setDefaultRWConcern", 44, 0, BY_IDL, true,
     "defaultReadConcern:object defaultWriteConcern:object"},
    {"hello", 50, 0, BY_IDL, false, "topologyVersion:object maxAwaitTimeMS:safeInt64"},
    {"isMaster", 50, 0, BY_IDL, false, "topologyVersion:object maxAwaitTimeMS:safeInt64"},
    {"ping", 50, 0, BY_IDL, true, ""},
    {"rotateCertificates", 50, 0, BY_IDL, true, "message:string"},

    {"createUser", 42, 50, BY_EXTRACT, true,
     "=string mechanisms:any pwd:string digestPassword:safeBool customData:object "
     "authenticationRestrictions:any roles:array"},
    {"createUser", 50, 0, BY_IDL, true,
     "=string pwd:string customData:object roles:[any]! digestPassword:safeBool "
     "authenticationRestrictions:[any] mechanisms:[string]"},
    {"updateUser", 42, 50, BY_EXTRACT, true,
     "=string mechanisms:any pwd:string digestPassword:safeBool customData:object "
     "authenticationRestrictions:any roles:array"},
    {"updateUser", 50, 0, BY_IDL, true,
     "=string pwd:string customData:object roles:[any] digestPassword:safeBool "
     "authenticationRestrictions:[any] mechanisms:[string]"},
    {"dropUser", 42, 50, BY_EXTRACT, true, "=string"},
    {"dropUser", 50, 0, BY_IDL, true, "=string"},
    {"grantRolesToUser", 42, 50, BY_EXTRACT, true, "=string roles:array!"},
    {"grantRolesToUser", 50, 0, BY_IDL, true, "=string roles:[any]!"},
    {"revokeRolesFromUser", 42, 50, BY_EXTRACT, true, "=string roles:array!"},
    {"revokeRolesFromUser", 50, 0, BY_IDL, true, "=string roles:[any]!"},
    {"usersInfo", 42, 50, BY_EXTRACT, true,
     "=any showPrivileges:safeBool showCredentials:safeBool "
     "showAuthenticationRestrictions:safeBool filter:any"},
    {"usersInfo", 50, 0, BY_IDL, true,
     "=any showPrivileges:safeBool showCredentials:safeBool "
     "showAuthenticationRestrictions:safeBool showCustomData:safeBool filter:object"},

    {"find", 42, 50, BY_HAND, true,
     "=string filter:object projection:object sort:object hint:hint collation:object skip:number "
     "limit:number batchSize:number ntoreturn:number singleBatch:bool comment:any min:object "
     "max:object returnKey:bool showRecordId:bool tailable:bool oplogReplay:bool "
     "noCursorTimeout:bool awaitData:bool allowPartialResults:bool runtimeConstants:object "
     "options:any term:long readOnce:bool allowSpeculativeMajorityRead:bool allowDiskUse:bool"},
    {"find", 50, 0, BY_IDL, true,
     "=collection filter:object projection:object sort:object hint:any collation:object "
     "skip:safeInt64 limit:safeInt64 batchSize:safeInt64 ntoreturn:safeInt64 min:object "
     "max:object let:object options:object term:safeInt64 resumeAfter:object startAt:any "
     "allowSpeculativeMajorityRead:any runtimeConstants:any _use44SortKeys:any "
     "encryptionInformation:any includeQueryStatsMetrics:any querySettings:any "
     "collectionUUID:any " FLAGS},
    {"aggregate", 42, 50, BY_HAND, true,
     "=collectionOr1 pipeline:array cursor:object explain:bool allowDiskUse:bool hint:hint "
     "collation:object bypassDocumentValidation:any comment:any fromMongos:any needsMerge:any "
     "exchange:any runtimeConstants:any mergeByPBRT:any"},
    {"aggregate", 50, 0, BY_IDL, true,
     "=collectionOr1 pipeline:any! explain:any allowDiskUse:optionalBool cursor:any "
     "bypassDocumentValidation:safeBool collation:object hint:any let:object "
     "needsMerge:optionalBool fromMongos:optionalBool fromRouter:any exchange:any "
     "runtimeConstants:any isMapReduceCommand:any collectionUUID:any passthroughToShard:any "
     "encryptionInformation:any includeQueryStatsMetrics:any querySettings:any"},
    {"getMore", 42, 50, BY_HAND, true,
     "=long collection:string batchSize:number term:long lastKnownCommittedOpTime:any"},
    {"getMore", 50, 0, BY_IDL, true,
     "=long collection:string! batchSize:safeInt64 term:long lastKnownCommittedOpTime:any "
     "includeQueryStatsMetrics:any"},
    {"killCursors", 42, 50, BY_HAND, false, "=string cursors:array"},
    {"killCursors", 50, 0, BY_IDL, true, "=collection cursors:[long]!"},
    {"findAndModify", 42, 50, BY_HAND, true,
     "=collection query:any sort:any remove:any update:any new:any fields:any upsert:any "
     "bypassDocumentValidation:any collation:any arrayFilters:any runtimeConstants:any hint:any"},
    {"findAndModify", 50, 0, BY_IDL, true,
     "=collection query:object fields:object sort:object batchSize:int singleBatch:bool hint:any "
     "collation:object arrayFilters:[object] remove:safeBool update:change upsert:safeBool "
     "new:safeBool bypassDocumentValidation:safeBool let:object runtimeConstants:any "
     "encryptionInformation:any sampleId:any collectionUUID:any"},

    {"createIndexes", 42, 50, BY_HAND, true,
     "=collection indexes:array ignoreUnknownIndexOptions:bool commitQuorum:any"},
    {"createIndexes", 50, 0, BY_IDL, true,
     "=collection v:any indexes:[object]! ignoreUnknownIndexOptions:safeBool commitQuorum:any "
     "collectionUUID:any"},
    {"listIndexes", 42, 50, BY_HAND, false, "=collection"},
    {"listIndexes", 50, 0, BY_IDL, true,
     "=collection cursor:object includeBuildUUIDs:safeBool includeIndexBuildInfo:any"},
    {"listCollections", 42, 50, BY_HAND, false, "cursor:object filter:object"},
    {"listCollections", 50, 0, BY_IDL, true,
     "cursor:object filter:object nameOnly:bool authorizedCollections:bool "
     "includePendingDrops:safeBool"},
    {"drop", 42, 50, BY_HAND, false, "=collection"},
    {"drop", 50, 0, BY_IDL, true, "=collection collectionUUID:any"},
    {"dropDatabase", 50, 0, BY_IDL, true, "=safeInt64"},
    {"dropIndexes", 42, 50, BY_HAND, false, "=collection"},
    {"dropIndexes", 50, 0, BY_IDL, true, "=collection index:any! collectionUUID:any"},

    {"saslStart", 50, 0, BY_IDL, true,
     "mechanism:string! payload:data! autoAuthorize:safeBool options:object"},
    {"saslContinue", 50, 0, BY_IDL, true, "conversationId:int! payload:data!"},
    {"replSetStepDown", 42, 0, BY_EXTRACT, false, "secondaryCatchUpPeriodSecs:safeInt64"},
    {"ReplSetConfig", 50, 0, BY_IDL, true,
     "_id:string! version:safeInt64! term:any members:[any]! configsvr:optionalBool "
     "protocolVersion:safeInt64 writeConcernMajorityJournalDefault:safeBool settings:object "
     "repaired:optionalBool"},
    {"MemberConfig", 50, 0, BY_IDL, true,
     "_id:safeInt64! host:string! votes:safeInt64 newlyAdded:bool priority:safeDouble "
     "hidden:safeBool slaveDelay:safeInt64 secondaryDelaySecs:safeInt64 arbiterOnly:safeBool "
     "buildIndexes:safeBool tags:object horizons:object"},
    {"ReplSetConfig.settings", 50, 0, BY_IDL, false,
     "chainingAllowed:safeBool heartbeatIntervalMillis:safeInt64 heartbeatTimeoutSecs:safeInt64 "
     "electionTimeoutMillis:safeInt64 catchUpTimeoutMillis:safeInt64 "
     "catchUpTakeoverDelayMillis:safeInt64 getLastErrorModes:object getLastErrorDefaults:object"},
    {NULL, 0, 0, BY_IDL, false, NULL},
};

#define FIND_TYPE(field, type, word)                                                               \
    {                                                                                              \
        "find", field, type, 9, "Failed to parse: %e. '%f' field must be of BSON type " word "."   \
    }
#define FIND_NUMBER(field)                                                                         \
    {                                                                                              \
        "find", field, "safeInt64", 9, "Failed to parse: %c. '%f' field must be numeric."          \
    }
#define AGGREGATE(field, type, word)                                                               \
    {                                                                                              \
        "aggregate", field, type, 14, "%f must be " word ", not a %t"                              \
    }

const struct hand_row hand_rows[] = {
    FIND_TYPE("", "string", "string"),
    FIND_TYPE("filter", "object", "object"),
    FIND_TYPE("projection", "object", "object"),
    FIND_TYPE("sort", "object", "object"),
    {"find", "hint", "hint", 9, "hint must be either a string or nested object"},
    FIND_TYPE("readConcern", "object", "object"),
    FIND_TYPE("collation", "object", "object"),
    FIND_NUMBER("skip"),
    FIND_NUMBER("limit"),
    FIND_NUMBER("batchSize"),
    FIND_NUMBER("ntoreturn"),
    FIND_TYPE("singleBatch", "bool", "bool"),
    FIND_TYPE("min", "object", "object"),
    FIND_TYPE("max", "object", "object"),
    FIND_TYPE("returnKey", "bool", "bool"),
    FIND_TYPE("showRecordId", "bool", "bool"),
    FIND_TYPE("tailable", "bool", "bool"),
    FIND_TYPE("oplogReplay", "bool", "bool"),
    FIND_TYPE("noCursorTimeout", "bool", "bool"),
    FIND_TYPE("awaitData", "bool", "bool"),
    FIND_TYPE("allowPartialResults", "bool", "bool"),
    FIND_TYPE("term", "long", "long"),
    {"find", "", "", 9, "Failed to parse: %c. Unrecognized field '%f'."},

    {"aggregate", "pipeline", "array", 14, "'pipeline' option must be specified as an array"},
    {"aggregate", "pipeline", NULL, 14, "'pipeline' option must be specified as an array"},
    {"aggregate", "cursor", "object", 14, "cursor field must be missing or an object"},
    AGGREGATE("collation", "object", "an object"),
    AGGREGATE("readConcern", "object", "an object"),
    AGGREGATE("writeConcern", "object", "an object"),
    AGGREGATE("explain", "bool", "a boolean"),
    AGGREGATE("allowDiskUse", "bool", "a boolean"),
    {"aggregate", "hint", "hint", 9,
     "hint must be specified as a string representing an index name, or an object representing an "
     "index's key pattern"},
    {"aggregate", "", "", 9, "unrecognized field '%f'"},

    {"getMore", "", "long", 14, "Field 'getMore' must be of type long in: %c"},
    {"getMore", "collection", "string", 14, "Field 'collection' must be of type string in: %c"},
    {"getMore", "batchSize", "safeInt64", 14, "Field 'batchSize' must be a number in: %c"},
    {"getMore", "term", "long", 14, "Field 'term' must be of type NumberLong in: %c"},
    {"getMore", "collection", NULL, 9, "Field 'collection' missing in: %c"},
    {"getMore", "", "", 9, "Failed to parse: %c. Unrecognized field '%f'."},

    {"killCursors", "", "string", 9, "First parameter must be a string in: %c"},
    {"killCursors", "cursors", "array", 9, "Field 'cursors' must be of type array in: %c"},
    {"killCursors", "cursors", NULL, 9, "Field 'cursors' must be of type array in: %c"},

    {"findAndModify", "", "", 51177, "BSON field '%f' is an unknown field."},
    {"findAndModify", "update", "change", 9,
     "Update argument must be either an object or an array"},
    {"findAndModify", "collation", "object", 14,
     "\"%f\" had the wrong type. Expected object, found %t"},
    {"findAndModify", "arrayFilters", "array", 14,
     "\"%f\" had the wrong type. Expected array, found %t"},

    {"createIndexes", "indexes", "array", 14, "The field 'indexes' must be an array, but got %t"},
    {"createIndexes", "ignoreUnknownIndexOptions", "bool", 14,
     "The field 'ignoreUnknownIndexOptions' must be a boolean, but got %t"},
    {"createIndexes", "indexes", NULL, 9,
     "The 'indexes' field is a required argument of the createIndexes command"},
    {"createIndexes", "", "", 2, "Invalid field specified for createIndexes command: %f"},

    {"listCollections", "filter", "object", 2, "\"filter\" must be an object"},
    {"listCollections", "cursor", "object", 14, "cursor field must be missing or an object"},
    {"listIndexes", "cursor", "object", 14, "cursor field must be missing or an object"},
    {NULL, NULL, NULL, 0, NULL},
};
