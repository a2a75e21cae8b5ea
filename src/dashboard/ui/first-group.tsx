import { useServices } from './services.js';

/** What is shown as long as there is no group. */
export function FirstGroup() {
  const { tokens } = useServices();
  // Where there is a prefix, it is part of it.
  const service = new URL('.', location.href).href;
  const token = tokens.current === undefined ? '' : ' -H "authorization: Bearer $TOKEN"';
  const command = `curl -sS ${service}v1/groups${token} -H 'content-type: application/json' \\
  -d '{"name": "train", "module": "hello.mjs", "workers": 2}'
curl -sS -X POST ${service}v1/groups/train/start${token}`;
  return (
    <section class="first" aria-labelledby="first-title">
      <h2 id="first-title">No groups yet</h2>
      <p>
        A group is a module in the workers directory and a number of workers that call it in a loop. Register
        and start one, here that of the examples:
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard. */}
      <section class="code" tabIndex={0} aria-label="Commands for the first group">
        <pre>{command}</pre>
      </section>
      <p class="quiet">
        Or with the button “Register a group” above. What this page shows appears here by itself.
      </p>
    </section>
  );
}
