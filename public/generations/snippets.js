// Owns a request for a picture written in curl, Python and JavaScript, each to be run as it is. Pure.
// Must not know how that looks.

/** @type {Record<string, {name: string, write: (call: ApiCall) => string}>} */
export const LANGUAGES = {
  curl: { name: "curl", write: curl },
  python: { name: "Python", write: python },
  javascript: { name: "JavaScript", write: javascript },
};

// Control characters, those without a width, and those that turn the direction of what follows: code shows what it does.
const HIDDEN = /[\u007F-\u00A0\u00AD\u061C\u200B-\u200F\u2028-\u202F\u2060-\u206F\uFEFF]/g;

/**
 * JSON in which hidden characters are escaped.
 * @param {unknown} value
 * @param {number} [indent]
 */
export const json = (value, indent) => JSON.stringify(value, null, indent).replaceAll(HIDDEN, escaped);

/** @param {string} character */
const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * For a POSIX shell: between single quotes all but the quote itself stands for itself.
 * @param {string} text
 */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * JSON in which only the first line begins where it stands. Of texts alone it is also an object of Python.
 * @param {object} value
 * @param {number} indent
 */
const inset = (value, indent) => json(value, indent).replaceAll("\n", `\n${" ".repeat(indent)}`);

/** @param {ApiCall} call */
function curl({ url, key, body, hasToken }) {
  const parts = [
    `curl ${quoted(url)}`,
    ...(hasToken ? ['-H "Authorization: Bearer $ID_TOKEN"'] : []),
    `-H ${quoted("Content-Type: application/json")}`,
    `-H ${quoted(`Idempotency-Key: ${key}`)}`,
    `--data-raw ${quoted(json(body))}`,
  ];
  return parts.join(" \\\n  ");
}

/** @param {ApiCall} call */
function python({ url, key, body, hasToken }) {
  return `import json
${hasToken ? "import os\n" : ""}from urllib.request import Request, urlopen

request = Request(
    ${json(url)},
    data=json.dumps(${inset(body, 4)}).encode(),
    headers={
${hasToken ? '        "Authorization": f"Bearer {os.environ[\'ID_TOKEN\']}",\n' : ""}        "Content-Type": "application/json",
        "Idempotency-Key": ${json(key)},
    },
)
with urlopen(request) as response:
    print(json.load(response))
`;
}

/** @param {ApiCall} call */
function javascript({ url, key, body, hasToken }) {
  return `const response = await fetch(${json(url)}, {
  method: "POST",
  headers: {
${hasToken ? "    Authorization: `Bearer ${process.env.ID_TOKEN}`,\n" : ""}    "Content-Type": "application/json",
    "Idempotency-Key": ${json(key)},
  },
  body: JSON.stringify(${inset(body, 2)}),
});
console.log(JSON.stringify(await response.json()));
`;
}
