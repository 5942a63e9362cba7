// The official Node client against the Firestore that FIRESTORE_EMULATOR_HOST names, on a project of its own.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, beforeEach, describe, test } from "node:test";

import { AggregateField, FieldPath, FieldValue, Filter, Firestore, GeoPoint, Timestamp } from "@google-cloud/firestore";

/** @type {Firestore} */
let db;
/** @type {Firestore[]} */
const opened = [];

beforeEach(() => {
  db = new Firestore({ projectId: `demo-node-${randomUUID().slice(0, 8)}` });
  opened.push(db);
});

after(() => Promise.all(opened.map((client) => client.terminate())));

/** @param {Record<string, Record<string, unknown>>} documents */
async function write(documents) {
  const batch = db.batch();
  for (const [path, data] of Object.entries(documents)) batch.set(db.doc(path), data);
  await batch.commit();
}

/** @param {import('@google-cloud/firestore').QuerySnapshot} snapshot */
const ids = (snapshot) => snapshot.docs.map((document) => document.id);

/**
 * Collects the snapshots of a listener; next() waits for one.
 * @param {any} target A query or a document, whose snapshots have different types.
 */
function listen(target) {
  /** @type {any[]} */
  const seen = [];
  let wake = () => {};
  const unsubscribe = target.onSnapshot(
    (/** @type {any} */ snapshot) => {
      seen.push(snapshot);
      wake();
    },
    (/** @type {Error} */ error) => {
      seen.push(error);
      wake();
    },
  );
  const next = async () => {
    while (!seen.length) await new Promise((resolve) => (wake = () => resolve(null)));
    const first = seen.shift();
    if (first instanceof Error) throw first;
    return first;
  };
  return { next, unsubscribe };
}

describe("documents", () => {
  test("every type comes back as it went", async () => {
    /** @type {Record<string, any>} */
    const data = {
      nothing: null,
      truth: true,
      integer: 7,
      double: 1.5,
      nan: NaN,
      text: "ünï",
      bytes: Buffer.from([0, 255]),
      time: new Timestamp(1_700_000_000, 123_456_000),
      point: new GeoPoint(1.5, -2.5),
      reference: db.doc("a/b"),
      list: [1, "two", { three: [3] }],
      map: { deep: { er: {} } },
      vector: FieldValue.vector([1, 2]),
    };
    await db.doc("c/a").set(data);
    const held = (await db.doc("c/a").get()).data() ?? {};
    assert.ok(held.reference.isEqual(data.reference));
    assert.ok(held.vector.isEqual(data.vector));
    for (const field of ["reference", "vector"]) {
      delete data[field];
      delete held[field];
    }
    assert.deepEqual(held, data);
  });

  test("transforms, masks and preconditions", async () => {
    const document = db.doc("c/a");
    await document.create({ n: 1, tags: ["x"], map: { gone: 1, kept: 2 } });
    await assert.rejects(document.create({}), { code: 6 });
    const { writeTime } = await document.update({
      n: FieldValue.increment(2),
      tags: FieldValue.arrayUnion("x", "y"),
      at: FieldValue.serverTimestamp(),
      "map.gone": FieldValue.delete(),
    });
    const snapshot = await document.get();
    assert.deepEqual(snapshot.data(), { n: 3, tags: ["x", "y"], at: writeTime, map: { kept: 2 } });
    await document.update({ n: 4 }, { lastUpdateTime: writeTime });
    await assert.rejects(document.update({ n: 5 }, { lastUpdateTime: writeTime }), { code: 9 });
    await assert.rejects(db.doc("c/none").update({ n: 5 }), { code: 5 });
  });

  test("lists show missing parents, and all below is deleted", async () => {
    await write({ "c/a": {}, "c/b/d/x": {} });
    assert.deepEqual(
      (await db.collection("c").listDocuments()).map((document) => document.id),
      ["a", "b"],
    );
    assert.deepEqual(
      (await db.doc("c/b").listCollections()).map((collection) => collection.id),
      ["d"],
    );
    await db.recursiveDelete(db.collection("c"));
    assert.deepEqual(await db.listCollections(), []);
  });

  test("the bulk writer tells of each write", async () => {
    const writer = db.bulkWriter();
    /** @type {number[]} */
    const refused = [];
    writer.onWriteError((error) => (refused.push(error.code), false));
    const results = [];
    for (let number = 0; number < 50; number++) results.push(writer.create(db.doc(`c/${number % 40}`), { number }));
    await Promise.allSettled([...results, writer.close()]);
    assert.deepEqual(refused, Array(10).fill(6));
  });
});

describe("transactions", () => {
  test("contending ones all succeed", async () => {
    const counter = db.doc("c/counter");
    await counter.set({ n: 0 });
    const increment = () =>
      db.runTransaction(async (transaction) => {
        const held = await transaction.get(counter);
        transaction.update(counter, { n: held.get("n") + 1 });
      });
    await Promise.all(Array.from({ length: 10 }, increment));
    assert.equal((await counter.get()).get("n"), 10);
  });

  test("one that fails writes nothing", async () => {
    const failed = db.runTransaction(async (transaction) => {
      await transaction.get(db.collection("c"));
      transaction.create(db.doc("c/a"), {});
      throw new Error("no");
    });
    await assert.rejects(failed, /no/);
    assert.equal((await db.doc("c/a").get()).exists, false);
  });

  test("read-only ones see one moment", async () => {
    await write({ "c/a": { v: 1 } });
    const seen = await db.runTransaction(
      async (transaction) => {
        const first = await transaction.get(db.doc("c/a"));
        await write({ "c/a": { v: 2 }, "c/b": { v: 2 } });
        const second = await transaction.get(db.collection("c"));
        return [first.get("v"), second.docs.map((document) => document.get("v"))];
      },
      { readOnly: true },
    );
    assert.deepEqual(seen, [1, [1]]);
  });
});

describe("queries", () => {
  beforeEach(() =>
    write({
      "people/ann": { age: 30, city: "x", tags: ["a", "b"] },
      "people/bob": { age: 20, city: "y", tags: ["b"] },
      "people/cid": { age: 40, city: "x", tags: [] },
      "teams/t/people/eve": { age: 50, city: "x", tags: ["a"] },
    }),
  );

  test("filters", async () => {
    const people = db.collection("people");
    assert.deepEqual(ids(await people.where("age", ">", 20).orderBy("age", "desc").get()), ["cid", "ann"]);
    assert.deepEqual(ids(await people.where("tags", "array-contains", "b").get()), ["ann", "bob"]);
    assert.deepEqual(ids(await people.where("city", "not-in", ["x"]).get()), ["bob"]);
    assert.deepEqual(ids(await people.where(FieldPath.documentId(), "in", ["bob", "cid"]).get()), ["bob", "cid"]);
    const either = Filter.or(Filter.where("age", "<", 25), Filter.where("tags", "==", []));
    assert.deepEqual(ids(await people.where(either).get()).sort(), ["bob", "cid"]);
  });

  test("limits, cursors and projections", async () => {
    const byAge = db.collection("people").orderBy("age");
    assert.deepEqual(ids(await byAge.limit(2).get()), ["bob", "ann"]);
    assert.deepEqual(ids(await byAge.limitToLast(2).get()), ["ann", "cid"]);
    assert.deepEqual(ids(await byAge.startAfter(await db.doc("people/bob").get()).get()), ["ann", "cid"]);
    assert.deepEqual(ids(await byAge.endBefore(40).offset(1).get()), ["ann"]);
    const shown = await byAge.select("city").limit(1).get();
    assert.deepEqual(shown.docs[0].data(), { city: "y" });
  });

  test("groups, figures and partitions", async () => {
    const group = db.collectionGroup("people");
    assert.deepEqual(ids(await group.where("city", "==", "x").get()), ["ann", "cid", "eve"]);
    const figures = { n: AggregateField.count(), sum: AggregateField.sum("age"), avg: AggregateField.average("age") };
    assert.deepEqual((await group.aggregate(figures).get()).data(), { n: 4, sum: 140, avg: 35 });
    const found = [];
    for await (const partition of group.getPartitions(2)) found.push(...ids(await partition.toQuery().get()));
    assert.deepEqual(found, ["ann", "bob", "cid", "eve"]);
  });

  test("a stream gives all", async () => {
    const found = [];
    for await (const document of db.collection("people").stream()) {
      // The stream's declared type is that of any readable stream.
      found.push(
        /** @type {import("@google-cloud/firestore").QueryDocumentSnapshot} */ (/** @type {unknown} */ (document)).id,
      );
    }
    assert.deepEqual(found, ["ann", "bob", "cid"]);
  });
});

describe("onSnapshot", () => {
  test("a document", async () => {
    const { next, unsubscribe } = listen(db.doc("c/a"));
    assert.equal((await next()).exists, false);
    await write({ "c/a": { v: 1 } });
    assert.deepEqual((await next()).data(), { v: 1 });
    await db.doc("c/a").delete();
    assert.equal((await next()).exists, false);
    unsubscribe();
  });

  test("a query tells what was added, modified and removed", async () => {
    await write({ "c/a": { v: 1 }, "c/b": { v: 2 } });
    const { next, unsubscribe } = listen(db.collection("c").where("v", ">", 0).orderBy("v", "desc"));
    /** @param {import("@google-cloud/firestore").QuerySnapshot} snapshot */
    const changes = (snapshot) => snapshot.docChanges().map((change) => [change.type, change.doc.id]);
    assert.deepEqual(ids(await next()), ["b", "a"]);
    await write({ "c/a": { v: 3 }, "c/d": { v: 1 } });
    const second = await next();
    assert.deepEqual(ids(second), ["a", "b", "d"]);
    assert.deepEqual(changes(second).sort(), [
      ["added", "d"],
      ["modified", "a"],
    ]);
    await write({ "c/a": { v: 0 } });
    assert.deepEqual(changes(await next()), [["removed", "a"]]);
    await db.doc("c/b").delete();
    assert.deepEqual(changes(await next()), [["removed", "b"]]);
    unsubscribe();
  });

  test("a query that is limited to its last", async () => {
    await write({ "c/1": { v: 1 }, "c/2": { v: 2 }, "c/3": { v: 3 } });
    const { next, unsubscribe } = listen(db.collection("c").orderBy("v").limitToLast(2));
    assert.deepEqual(ids(await next()), ["2", "3"]);
    await write({ "c/4": { v: 4 } });
    assert.deepEqual(ids(await next()), ["3", "4"]);
    await db.doc("c/4").delete();
    assert.deepEqual(ids(await next()), ["2", "3"]);
    unsubscribe();
  });

  test("a collection group, and many listeners at once", async () => {
    const listeners = Array.from({ length: 10 }, () => listen(db.collectionGroup("d")));
    for (const { next } of listeners) assert.equal((await next()).size, 0);
    await write({ "c/a/d/x": {} });
    for (const { next } of listeners) assert.deepEqual(ids(await next()), ["x"]);
    for (const { unsubscribe } of listeners) unsubscribe();
  });

  test("one that is refused hears why", async () => {
    const { next } = listen(
      db.collection("c").where(
        "v",
        "in",
        Array.from({ length: 31 }, (_, number) => number),
      ),
    );
    await assert.rejects(next(), /Error 3: .* 30 /);
  });
});
