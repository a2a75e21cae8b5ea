const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** When something was, as people read it: with the day when that is another one. */
export function Moment({ at }: { at: string }) {
  const moment = Date.parse(at);
  const day = date.format(moment);
  return (
    <time dateTime={at} title={at}>
      {day !== date.format(Date.now()) && `${day}, `}
      {timeOfDay(moment)}
    </time>
  );
}

export function timeOfDay(milliseconds: number): string {
  return time.format(milliseconds);
}
