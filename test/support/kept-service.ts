import type { Registration } from '#dist/coordinator/group-store.js';
import type { FileSystem } from '#dist/store/file-system.js';
import { StateDirectory } from '#dist/store/state-directory.js';
import { fakeCoordinator, type World } from './coordinator.js';

/** A coordinator over fake hosts, with a state directory. */
export interface KeptService extends World {
  readonly state: StateDirectory;
  /** The process dies: the lock is free, and nothing else is done. */
  die(): void;
}

/** Starts the service on what is in the directory. Nothing is resumed. */
export async function keptService(directory: string, fs?: FileSystem): Promise<KeptService> {
  const state = await StateDirectory.open(directory, fs);
  const world = fakeCoordinator({ store: state });
  try {
    world.coordinator.restore(await state.load());
  } catch (error) {
    state.close();
    throw error;
  }
  return { ...world, state, die: () => state.close() };
}

/** What is registered, by name, as text: for comparisons. */
export function registrations({ coordinator }: Pick<World, 'coordinator'>): Map<string, string> {
  const entries = coordinator.list().map((group) => group.registration());
  return new Map(entries.map((registration: Registration) => [registration.spec.name, text(registration)]));
}

export function text(registration: Registration): string {
  return JSON.stringify(registration, Object.keys(registration).sort()) + JSON.stringify(registration.spec);
}
