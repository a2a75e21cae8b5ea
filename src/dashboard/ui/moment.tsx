const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/** A moment of today, as people read it. */
export function Moment({ at }: { at: string }) {
  return (
    <time dateTime={at} title={at}>
      {timeOfDay(Date.parse(at))}
    </time>
  );
}

export function timeOfDay(milliseconds: number): string {
  return time.format(milliseconds);
}
