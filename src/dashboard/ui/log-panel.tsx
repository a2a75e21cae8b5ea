import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { LOG_LEVELS, type LogLevel } from '../../schemas/states.js';
import { LogFeed, type ShownLine } from '../state/log-feed.js';
import { Moment } from './moment.js';
import { useServices } from './services.js';
import { useChanges } from './use-changes.js';

/** So near to the end, in pixels, counts as there. */
const NEAR = 24;

/** What a group says, as it says it. Who scrolls up to read is left where they are. */
export function LogPanel({ name }: { name: string }) {
  const { api, session } = useServices();
  const feed = useMemo(() => new LogFeed((signal, after) => api.logs(name, signal, after)), [api, name]);
  useChanges(feed);
  useEffect(() => {
    const follow = () => feed.run(session.isWatching);
    follow();
    const end = session.subscribe(follow);
    return () => {
      end();
      feed.run(false);
    };
  }, [feed, session]);

  const [level, setLevel] = useState<LogLevel>('debug');
  const shown = feed.lines.filter(
    (line) => 'lost' in line || LOG_LEVELS.indexOf(line.level) >= LOG_LEVELS.indexOf(level),
  );
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  // Whenever other lines are shown.
  useLayoutEffect(() => {
    if (box.current !== null && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [feed.lines, level]);

  return (
    <section class="panel" aria-labelledby="log-title">
      <div class="panel-title">
        <h3 id="log-title">Log</h3>
        <label>
          From level{' '}
          <select value={level} onChange={(event) => setLevel(event.currentTarget.value as LogLevel)}>
            {LOG_LEVELS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      </div>
      <div
        ref={box}
        class="log scrolls"
        role="log"
        aria-live="off"
        aria-labelledby="log-title"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard.
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR;
        }}
      >
        {shown.length === 0 && feed.trouble === undefined && <p class="quiet">No lines yet.</p>}
        {shown.map((line) => (
          <Line key={line.key} line={line} />
        ))}
        {feed.trouble !== undefined && <p class="quiet">{feed.trouble}</p>}
      </div>
    </section>
  );
}

function Line({ line }: { line: ShownLine }) {
  if ('lost' in line) return <p class="lost">{line.lost} lines are missing: they came too fast.</p>;
  const { time, level, workerId, text, fields } = line;
  return (
    <p class={`line level-${level}`}>
      <Moment at={time} /> <span class="level">{level}</span>{' '}
      <span class="who">{workerId === null ? 'host' : `worker ${workerId}`}</span> <bdi>{text}</bdi>
      <Fields of={fields} />
    </p>
  );
}

/** A stack is for reading: it has its lines. */
function Fields({ of }: { of: Readonly<Record<string, unknown>> | undefined }) {
  if (of === undefined) return null;
  const { stack, ...others } = of;
  return (
    <span class="fields">
      {Object.keys(others).length > 0 && ` ${JSON.stringify(others)}`}
      {stack !== undefined && `\n${String(stack)}`}
    </span>
  );
}
