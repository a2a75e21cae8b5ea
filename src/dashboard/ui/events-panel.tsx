import { groupHash } from '../model/route.js';
import { Moment } from './moment.js';
import { useServices } from './services.js';
import { useChanges } from './use-changes.js';

interface EventsPanelProps {
  /** Undefined: of all. */
  readonly name: string | undefined;
  readonly heading: 'h2' | 'h3';
}

/** What has happened to a group, or to all, the newest first. */
export function EventsPanel({ name, heading: Heading }: EventsPanelProps) {
  const { events } = useServices();
  useChanges(events);
  const told = events.events.filter(({ group }) => name === undefined || group === name || group === null);
  return (
    <section class="panel" aria-labelledby="events-title">
      <Heading id="events-title">Events</Heading>
      {events.trouble !== undefined && <p class="quiet">{events.trouble}</p>}
      {told.length === 0 ? (
        events.trouble === undefined && <p class="quiet">Nothing has happened yet.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard.
        <ol class="events scrolls" tabIndex={0} aria-labelledby="events-title">
          {told.toReversed().map(({ key, at, group, text, tone }) => (
            <li key={key} class={`tone-${tone}`}>
              <Moment at={at} />
              {name === undefined && group !== null && (
                <a class="name" href={groupHash(group)}>
                  {group}
                </a>
              )}
              <span class="text">{text}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
