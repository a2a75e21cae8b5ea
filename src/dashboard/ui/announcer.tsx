import { useEffect, useRef, useState } from 'preact/hooks';
import type { GroupStatus } from '../../schemas/group-status.js';
import { announcement } from '../model/announcement.js';
import { useServices } from './services.js';

/** Tells changes of state to who cannot see them, and not the numbers that change each second. */
export function Announcer({ groups }: { groups: readonly GroupStatus[] }) {
  const { session } = useServices();
  const before = useRef<readonly GroupStatus[] | undefined>(undefined);
  const [text, setText] = useState('');
  useEffect(() => {
    if (!session.hasSeen) {
      // Nothing is known, or nothing is to be known any more.
      before.current = undefined;
      setText('');
      return;
    }
    const news = before.current === undefined ? '' : announcement(before.current, groups);
    before.current = groups;
    if (news !== '') setText(news);
  }, [groups, session]);
  return (
    <p class="unseen" role="status" aria-live="polite">
      {text}
    </p>
  );
}
