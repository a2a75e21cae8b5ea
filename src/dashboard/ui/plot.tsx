import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { NOTHING } from '../../readings/quantities.js';
import type { Measure, Series } from '../model/series.js';
import { drawPlot } from './draw-plot.js';
import { timeOfDay } from './moment.js';

export interface PlotLine {
  readonly measure: Measure;
  /** Empty where there is only one. */
  readonly name: string;
  /** The present value. */
  readonly now: string;
}

interface PlotProps {
  readonly title: string;
  readonly series: Series;
  readonly lines: readonly PlotLine[];
  readonly format: (value: number) => string;
  /** For values that are far apart. */
  readonly logarithmic?: boolean;
  /** The upper end of the axis; otherwise that of the values. */
  readonly top?: number;
}

/** A plot of the last minutes, with its present values in words; while it is pointed at, those of that moment. */
export function Plot({ title, series, lines, format, logarithmic = false, top }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [pointed, setPointed] = useState<number>();
  const columns = lines.map(({ measure }) => series.column(measure));
  const data: uPlot.AlignedData = [[...series.times], ...columns];
  const latest = useRef(data);
  latest.current = data;

  // What a plot is of does not change while it is there.
  useEffect(() => {
    if (place.current === null) return;
    const drawn = drawPlot(place.current, latest.current, {
      lines: lines.length,
      format,
      logarithmic,
      top,
      onPoint: setPointed,
    });
    plot.current = drawn.plot;
    return drawn.destroy;
  }, []);
  const last = series.times.at(-1);
  // Whenever there is a new point.
  useEffect(() => plot.current?.setData(data), [last, series.length]);

  const time = pointed === undefined ? undefined : series.times[pointed];
  const values = lines.map(({ now }, i) => {
    if (pointed === undefined || time === undefined) return now;
    const value = columns[i]?.[pointed];
    return value === null || value === undefined ? NOTHING : format(value);
  });
  const spoken = lines.map(({ name, now }) => `${name} ${now}`.trim()).join(', ');
  return (
    <figure>
      <figcaption>
        <span class="plot-title">{title}</span>
        <span class="plot-values">
          {lines.map(({ name }, i) => (
            <span key={name} class={`plot-value line-${i}`}>
              {name !== '' && <span class="plot-key">{name}</span>} {values[i]}
            </span>
          ))}
        </span>
        <span class="plot-time">{time === undefined ? '' : timeOfDay(time * 1000)}</span>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title}, of the last minutes. Now: ${spoken}`} />
    </figure>
  );
}
