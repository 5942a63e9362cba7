// Owns the idempotency keys of requests without an answer: the unchanged request has the same key, over a reload too.
// Must not know what is asked for.

const STORED = "unanswered";

/**
 * The key of a request: that of the same request if its answer was lost, otherwise a new one.
 * @param {string} name
 * @param {Record<string, unknown>} body
 */
export function keyOf(name, body) {
  const text = JSON.stringify(body);
  const same = stored().find((each) => each.name === name && JSON.stringify(each.body) === text);
  if (same) return same.key;
  const key = crypto.randomUUID();
  store([...stored(), { name, body, key }]);
  return key;
}

/**
 * Forget the key of a request whose outcome is known: the same request is a new one from now on.
 * @param {string} key
 */
export const forgetKey = (key) => store(stored().filter((each) => each.key !== key));

/**
 * The bodies of the requests of a function that had no answer, oldest first.
 * @param {string} name
 */
export const unanswered = (name) =>
  stored()
    .filter((each) => each.name === name)
    .map((each) => each.body);

/** @returns {UnansweredRequest[]} */
const stored = () => JSON.parse(sessionStorage.getItem(STORED) ?? "[]");

/** @param {UnansweredRequest[]} requests */
const store = (requests) => sessionStorage.setItem(STORED, JSON.stringify(requests));
