import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ApiClient } from '../api/client.js';
import type { ServiceClock } from '../model/service-clock.js';
import type { Commands } from '../state/commands.js';
import type { EventFeed } from '../state/event-feed.js';
import type { Session } from '../state/session.js';
import type { TokenKeeper } from '../state/token-keeper.js';

/** What the parts of the page work with. */
export interface Services {
  readonly api: ApiClient;
  readonly clock: ServiceClock;
  readonly session: Session;
  readonly tokens: TokenKeeper;
  readonly commands: Commands;
  readonly events: EventFeed;
}

export const ServicesContext = createContext<Services | undefined>(undefined);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === undefined) throw new Error('a component outside of the page');
  return services;
}
