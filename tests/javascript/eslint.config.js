// Owns the rules for the JavaScript of the console and of the tests. Paths are relative to the repository, from which
// `make lint-javascript` runs. Must not know how code is formatted.

import js from "@eslint/js";
import globals from "globals";

// Imports run one way: pages over generations over accounts over ui over backend; format.js may be used by all of them.
const LAYERS = ["backend", "ui", "accounts", "generations", "pages"];

// A page imports by `../../` what pages share; `../` alone leads to another page.
const OTHER_PAGES = { regex: "^\\.\\./(?!\\.\\./)", message: "A page must not know another page." };

/** A folder imports neither from those above it nor from app.js. */
const oneWay = LAYERS.map((layer, place) => ({
  files: [`public/${layer}/**/*.js`],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          { group: [...LAYERS.slice(place + 1).map((name) => `**/${name}/**`), "**/app.js"] },
          ...(layer === "pages" ? [OTHER_PAGES] : []),
        ],
      },
    ],
  },
}));

export default [
  { ignores: ["**/vendor/**", "**/node_modules/**", "functions/venv/**"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["public/**/*.js", "tests/**/*.js", "embedded-firebase/tests/**/*.js"],
    rules: {
      "default-case-last": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
      "max-lines-per-function": ["error", { max: 50, skipBlankLines: true, skipComments: true }],
      "no-else-return": "error",
      "no-implicit-coercion": "error",
      "no-shadow": "error",
      "no-unused-expressions": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "all" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
  {
    files: ["public/**/*.js"],
    languageOptions: { globals: { ...globals.browser, uPlot: "readonly" } },
    rules: {
      // Text is always text: nothing that a user wrote becomes markup or code.
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-console": "error",
    },
  },
  ...oneWay,
  {
    files: ["tests/**/*.js", "embedded-firebase/tests/**/*.js"],
    languageOptions: { globals: globals.node },
    // A `describe` is as long as its tests.
    rules: { "max-lines-per-function": "off" },
  },
];
