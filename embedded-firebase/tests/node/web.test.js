// The web SDK against the Firestore that FIRESTORE_EMULATOR_HOST names, over gRPC and REST, on a project of its own whose
// rules @firebase/rules-unit-testing puts there.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";

import { assertFails, assertSucceeds, initializeTestEnvironment } from "@firebase/rules-unit-testing";
import { deleteApp, initializeApp } from "firebase/app";
import * as full from "firebase/firestore";
import * as lite from "firebase/firestore/lite";

const RULES = `
  rules_version = '2';
  service cloud.firestore {
    match /databases/{database}/documents {
      match /notes/{id} {
        allow read, update, delete: if resource.data.owner == request.auth.uid;
        allow create: if request.resource.data.owner == request.auth.uid;
      }
      match /open/{id} { allow read, write; }
    }
  }`;

// Refused calls are part of the tests.
full.setLogLevel("silent");
lite.setLogLevel("silent");

const [host, port] = (process.env.FIRESTORE_EMULATOR_HOST ?? "").split(":");
const projectId = `demo-web-${randomUUID().slice(0, 8)}`;
/** @type {import("@firebase/rules-unit-testing").RulesTestEnvironment} */
let environment;
/** @type {import("firebase/app").FirebaseApp[]} */
const apps = [];

before(async () => {
  environment = await initializeTestEnvironment({ projectId, firestore: { rules: RULES, host, port: Number(port) } });
});

beforeEach(() => environment.clearFirestore());

after(async () => {
  await environment.cleanup();
  await Promise.all(apps.map((made) => deleteApp(made)));
});

/** @param {string} sub */
function app(sub) {
  const made = initializeApp({ projectId, apiKey: "none" }, `${sub}-${randomUUID()}`);
  apps.push(made);
  return made;
}

/** The Firestore of a mock user, over gRPC. @param {string} sub */
function firestoreOf(sub) {
  const db = full.getFirestore(app(sub));
  full.connectFirestoreEmulator(db, host, Number(port), { mockUserToken: { sub } });
  return db;
}

/** The Firestore of a mock user, over REST. @param {string} sub */
function liteFirestoreOf(sub) {
  const db = lite.getFirestore(app(sub));
  lite.connectFirestoreEmulator(db, host, Number(port), { mockUserToken: { sub } });
  return db;
}

/** @param {string} code */
const refusedWith = (code) => (/** @type {unknown} */ error) => {
  assert.equal(/** @type {{code: string}} */ (error).code, code);
  return true;
};

/**
 * Collects the snapshots of a listener; next() waits for one, and throws the error that ends the listener.
 * @param {any} target A query or a document, whose snapshots have different types.
 */
function listen(target) {
  /** @type {any[]} */
  const seen = [];
  let wake = () => {};
  const note = (/** @type {any} */ news) => {
    seen.push(news);
    wake();
  };
  const unsubscribe = full.onSnapshot(target, { next: note, error: note });
  const next = async () => {
    while (!seen.length) await new Promise((resolve) => (wake = () => resolve(null)));
    const first = seen.shift();
    if (first instanceof Error) throw first;
    return first;
  };
  return { next, unsubscribe };
}

for (const [name, sdk, open] of /** @type {[string, any, (sub: string) => any][]} */ ([
  ["over gRPC", full, firestoreOf],
  ["over REST", lite, liteFirestoreOf],
])) {
  describe(`transactions ${name}`, () => {
    test("one that only reads some of its documents commits", async () => {
      const db = open("alice");
      const [read, missing, written] = ["read", "missing", "written"].map((id) => sdk.doc(db, "open", id));
      await sdk.setDoc(read, { v: 1 });
      const found = await sdk.runTransaction(db, async (/** @type {any} */ transaction) => {
        const [one, other] = [await transaction.get(read), await transaction.get(missing)];
        transaction.set(written, { v: one.data().v + 1 });
        return [one.data().v, other.exists()];
      });
      assert.deepEqual(found, [1, false]);
      assert.deepEqual((await sdk.getDoc(written)).data(), { v: 2 });
      assert.deepEqual((await sdk.getDoc(read)).data(), { v: 1 });
    });

    test("one that only reads commits", async () => {
      const db = open("alice");
      const read = sdk.doc(db, "open", "read");
      await sdk.setDoc(read, { v: 1 });
      const value = await sdk.runTransaction(db, async (/** @type {any} */ transaction) => {
        return (await transaction.get(read)).data().v;
      });
      assert.equal(value, 1);
    });

    test("one is tried again when what it read has changed", async () => {
      const db = open("alice");
      const [read, written] = ["read", "written"].map((id) => sdk.doc(db, "open", id));
      await sdk.setDoc(read, { v: 1 });
      let attempts = 0;
      await sdk.runTransaction(db, async (/** @type {any} */ transaction) => {
        const { v } = (await transaction.get(read)).data();
        attempts += 1;
        if (attempts === 1) await sdk.setDoc(read, { v: 10 });
        transaction.set(written, { v });
      });
      assert.equal(attempts, 2);
      assert.deepEqual((await sdk.getDoc(written)).data(), { v: 10 });
    });
  });

  describe(`mock users ${name}`, () => {
    test("each is bound by the rules", async () => {
      const [alice, bob] = [open("alice"), open("bob")];
      const note = sdk.doc(alice, "notes", "a");
      await sdk.setDoc(note, { owner: "alice" });
      assert.deepEqual((await sdk.getDoc(note)).data(), { owner: "alice" });
      const own = sdk.query(sdk.collection(alice, "notes"), sdk.where("owner", "==", "alice"));
      assert.equal((await (sdk.getCountFromServer ?? sdk.getCount)(own)).data().count, 1);
      const denied = refusedWith("permission-denied");
      await assert.rejects(sdk.getDoc(sdk.doc(bob, "notes", "a")), denied);
      await assert.rejects(sdk.setDoc(sdk.doc(bob, "notes", "b"), { owner: "alice" }), denied);
      await assert.rejects(sdk.getDocs(sdk.collection(alice, "notes")), denied);
    });
  });
}

describe("listeners under rules", () => {
  test("a query for own documents follows them", async () => {
    const db = firestoreOf("alice");
    const own = full.query(full.collection(db, "notes"), full.where("owner", "==", "alice"));
    const { next, unsubscribe } = listen(own);
    assert.equal((await next()).size, 0);
    await environment.withSecurityRulesDisabled(async (context) => {
      await context.firestore().doc("notes/a").set({ owner: "alice" });
      await context.firestore().doc("notes/b").set({ owner: "bob" });
    });
    assert.deepEqual(
      (await next()).docs.map((/** @type {full.DocumentSnapshot} */ found) => found.id),
      ["a"],
    );
    unsubscribe();
  });

  test("others' documents are denied, without an end to other listeners", async () => {
    const db = firestoreOf("alice");
    const own = listen(full.doc(db, "open", "a"));
    assert.equal((await own.next()).exists(), false);
    const denied = refusedWith("permission-denied");
    await assert.rejects(listen(full.collection(db, "notes")).next(), denied);
    await assert.rejects(listen(full.doc(db, "notes", "none")).next(), denied);
    await full.setDoc(full.doc(db, "open", "a"), { v: 1 });
    assert.deepEqual((await own.next()).data(), { v: 1 });
    own.unsubscribe();
  });

  test("one ends when its document changes hands", async () => {
    const db = firestoreOf("alice");
    await full.setDoc(full.doc(db, "notes", "a"), { owner: "alice" });
    const { next } = listen(full.doc(db, "notes", "a"));
    assert.deepEqual((await next()).data(), { owner: "alice" });
    await environment.withSecurityRulesDisabled(async (context) => {
      await context.firestore().doc("notes/a").set({ owner: "bob" });
    });
    await assert.rejects(next(), refusedWith("permission-denied"));
  });
});

describe("@firebase/rules-unit-testing", () => {
  test("rules are tested as its documentation shows", async () => {
    const alice = environment.authenticatedContext("alice").firestore();
    const bob = environment.authenticatedContext("bob", { role: "guest" }).firestore();
    const anonymous = environment.unauthenticatedContext().firestore();
    await assertSucceeds(alice.doc("notes/a").set({ owner: "alice" }));
    await assertSucceeds(alice.doc("notes/a").get());
    await assertSucceeds(anonymous.collection("open").get());
    await assertFails(bob.doc("notes/a").get());
    await assertFails(bob.doc("notes/a").delete());
    await assertFails(anonymous.doc("notes/n").set({ owner: "alice" }));
    await environment.clearFirestore();
    await environment.withSecurityRulesDisabled(async (context) => {
      assert.equal((await context.firestore().doc("notes/a").get()).exists, false);
    });
  });

  test("rules without a version are of version 1", async () => {
    const rules = "service cloud.firestore { match /databases/{db}/documents/{all=**} { allow read; } }";
    const firestore = { rules, host, port: Number(port) };
    const open = await initializeTestEnvironment({ projectId: `${projectId}-open`, firestore });
    const anonymous = open.unauthenticatedContext().firestore();
    await assertSucceeds(anonymous.doc("any/thing").get());
    await assertFails(anonymous.doc("any/thing").set({}));
    await open.cleanup();
  });

  test("rules with a mistake are refused with its place", async () => {
    const rules = "rules_version = '2';\nservice cloud.firestore {";
    const firestore = { rules, host, port: Number(port) };
    await assert.rejects(initializeTestEnvironment({ projectId: `${projectId}-bad`, firestore }), /line 2, column/);
  });
});
