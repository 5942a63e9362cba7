// Owns saving a picture as a file. Must not know where it is shown.

/**
 * Save a picture; one from another origin that may be shown but not read is opened instead.
 * @param {string} url
 * @param {string} name Without the extension.
 */
export async function download(url, name) {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`The picture's server answered ${response.status}.`);
    const blob = await response.blob();
    save(blob, `${name}.${blob.type.split("/")[1]}`);
  } catch {
    window.open(url, "_blank", "noopener");
  }
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
