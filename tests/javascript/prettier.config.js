// Owns how JavaScript, TypeScript's declarations and CSS are formatted. Must not know what is linted.

export default { printWidth: 120 };
