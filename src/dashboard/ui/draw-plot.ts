import uPlot from 'uplot';
import { logarithmicTicks, shownSeconds } from '../model/axes.js';

const HEIGHT = 132;
/** Of the axis on the left: as wide as "1,000 MiB". */
const AXIS_WIDTH = 64;

export interface PlotOptions {
  readonly lines: number;
  readonly format: (value: number) => string;
  readonly logarithmic: boolean;
  readonly top: number | undefined;
  /** Which point is pointed at; undefined: none. */
  readonly onPoint: (index: number | undefined) => void;
}

/** Draws into the element, in the colours of the page and as wide as there is room, until it is destroyed. */
export function drawPlot(element: HTMLElement, data: uPlot.AlignedData, options: PlotOptions) {
  const { lines, format, logarithmic, top, onPoint } = options;
  const colour = (name: string) => () => getComputedStyle(element).getPropertyValue(name).trim();
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  const axis = { stroke: colour('--quiet'), font, ticks: { show: false } };
  const grid = { stroke: colour('--rule'), width: 1 };
  const plot = new uPlot(
    {
      width: element.clientWidth,
      height: HEIGHT,
      padding: [8, 20, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: {
        x: { time: true, range: (plot, _min, max) => [max - shownSeconds(plot.data[0]), max] },
        y: logarithmic
          ? { distr: 3, range: (_plot, min, max) => [(min ?? 1e-3) / 1.5, (max ?? 1) * 1.5] }
          : { range: (_plot, _min, max) => [0, roomAbove(top ?? max)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 22,
          incrs: [10, 30, 60],
          space: 80,
          values: (_plot, moments, _axis, _space, step) => moments.map((moment) => momentText(moment, step)),
        },
        {
          ...axis,
          grid,
          size: AXIS_WIDTH,
          space: 28,
          ...(logarithmic && {
            splits: (_plot, _axis, min, max) => logarithmicTicks(min, max),
            filter: (_plot, values) => values,
          }),
          values: (_plot, values) => values.map((value) => (value === null ? '' : format(value))),
        },
      ],
      series: [
        {},
        ...Array.from({ length: lines }, (_, i) => ({
          stroke: colour(`--line-${i}`),
          width: 1.5,
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [({ cursor: { idx } }) => onPoint(idx ?? undefined)] },
    },
    data,
    element,
  );
  const sizes = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
  sizes.observe(element);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const redraw = () => plot.redraw();
  dark.addEventListener('change', redraw);
  return {
    plot,
    destroy: () => {
      sizes.disconnect();
      dark.removeEventListener('change', redraw);
      plot.destroy();
    },
  };
}

/** The line does not touch the upper edge; a flat 0 lies at the lower one. */
function roomAbove(most: number | null): number {
  return most === null || most <= 0 ? 1 : most * 1.12;
}

const hour = { hour: '2-digit', minute: '2-digit' } as const;
const minutes = new Intl.DateTimeFormat('en-GB', hour);
const seconds = new Intl.DateTimeFormat('en-GB', { ...hour, second: '2-digit' });

function momentText(moment: number, step: number): string {
  return (step < 60 ? seconds : minutes).format(moment * 1000);
}
