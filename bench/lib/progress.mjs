/** Shows what is being done, on one line of the terminal; elsewhere, a line each. Without a text the line goes. */
export function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text === undefined ? '' : `  ${text}`}`);
  else if (text !== undefined) process.stderr.write(`  ${text}\n`);
}
