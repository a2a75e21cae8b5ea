import { figure, summary } from '../lib/stats.mjs';

// Labels stand above their bars: names may be as long as they have to be, and no text has to be measured.
const WIDTH = 760;
const MARGIN = 20;
const BARS = 560;
const TOP = 86;
const ROW = 42;
const BAR = 14;
const AXIS = 34;

/** The width of a character, as a share of the size of the font: what is too long for one line gets smaller. */
const CHARACTER = 0.56;

/** Values that differ by more than this are shown on a logarithmic scale. */
const LINEAR_SPAN = 50;

// A background of its own makes the same picture legible on a light page and on a dark one.
const COLOURS = {
  ground: '#ffffff',
  border: '#d0d7de',
  text: '#1f2328',
  quiet: '#59636e',
  grid: '#e3e7eb',
  ours: '#0969da',
  peer: '#9aa4af',
};

/**
 * Horizontal bars of medians, each with a whisker from the least to the most of its rounds, as the text of an SVG file.
 * @param {object} plot
 * @param {string} plot.title
 * @param {string} plot.subtitle what is measured
 * @param {string} plot.note how to read it
 * @param {{ name: string, ours: boolean, values: number[] }[]} plot.bars at least one, each with at least one value
 * @returns {string}
 */
export function plotBars({ title, subtitle, note, bars }) {
  const rows = bars.map((bar) => ({ ...bar, ...summary(bar.values) }));
  const { place, ticks, logarithmic } = scale(rows);
  const bottom = TOP + rows.length * ROW;
  const height = bottom + AXIS;
  const told = rows.map(({ name, median }) => `${name}: ${figure(median)}`).join('; ');
  const below = `${note}${logarithmic ? '; logarithmic scale' : ''}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
      'role="img" aria-labelledby="title desc" font-family="system-ui, -apple-system, \'Segoe UI\', Helvetica, Arial, sans-serif">',
    `<title id="title">${escaped(`${title}: ${subtitle}`)}</title>`,
    `<desc id="desc">${escaped(`${below}. Medians: ${told}.`)}</desc>`,
    `<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6" fill="${COLOURS.ground}" stroke="${COLOURS.border}"/>`,
    text({ x: MARGIN, y: 28, size: 15, weight: 600 }, title),
    text({ x: MARGIN, y: 48, size: 13 }, subtitle),
    text({ x: MARGIN, y: 66, size: 12, fill: COLOURS.quiet }, below),
    ...ticks.flatMap((tick) => axisTick(place(tick), tick, bottom)),
    ...rows.flatMap((row, i) => barOf(row, TOP + i * ROW, place)),
    '</svg>',
    '',
  ].join('\n');
}

function axisTick(x, value, bottom) {
  return [
    `<line x1="${x}" y1="${TOP - 4}" x2="${x}" y2="${bottom}" stroke="${COLOURS.grid}"/>`,
    text({ x, y: bottom + 16, size: 11, fill: COLOURS.quiet, anchor: 'middle' }, shortFigure(value)),
  ];
}

function barOf({ name, ours, values, median, least, most }, top, place) {
  const y = top + 18;
  const middle = y + BAR / 2;
  const [from, to, end] = [least, most, median].map(place);
  const weight = ours ? 600 : 400;
  const width = Math.max(1, tenths(end - MARGIN));
  const whisker = `M${from} ${middle - 4}v8M${from} ${middle}H${to}M${to} ${middle - 4}v8`;
  return [
    text({ x: MARGIN, y: top + 13, size: 12, weight }, name),
    `<rect x="${MARGIN}" y="${y}" width="${width}" height="${BAR}" rx="2" fill="${ours ? COLOURS.ours : COLOURS.peer}"/>`,
    ...(values.length > 1
      ? // On a seam of the ground, so that it is seen on its bar as well.
        [
          `<path d="${whisker}" stroke="${COLOURS.ground}" stroke-width="3.4" stroke-linecap="square"/>`,
          `<path d="${whisker}" stroke="${COLOURS.text}" stroke-width="1.2"/>`,
        ]
      : []),
    text({ x: tenths(Math.max(to, end) + 8), y: middle + 4, size: 12, weight }, figure(median)),
  ];
}

/** Where values lie, in pixels from the left edge, and which of them the axis names. */
function scale(rows) {
  const least = Math.min(...rows.map((row) => row.least));
  const most = Math.max(...rows.map((row) => row.most));
  if (least > 0 && most / least > LINEAR_SPAN) {
    // The lowest bar is to be seen, too.
    const from = Math.floor(Math.log10(least / 2));
    const to = Math.max(Math.log10(most), from + 1);
    const decades = Array.from({ length: Math.floor(to) - from + 1 }, (_, i) => 10 ** (from + i));
    const place = (value) => tenths(MARGIN + (BARS * (Math.log10(value) - from)) / (to - from));
    return { place, ticks: decades, logarithmic: true };
  }
  const step = niceStep(Math.max(most, Number.MIN_VALUE));
  const end = most > 0 ? most : 1;
  const place = (value) => tenths(MARGIN + (BARS * Math.max(0, value)) / end);
  const count = most > 0 ? Math.floor(end / step + 1e-9) + 1 : 1;
  return { place, ticks: Array.from({ length: count }, (_, i) => i * step), logarithmic: false };
}

/** A step of 1, 2 or 5 times a power of ten that makes three to seven ticks. */
function niceStep(most) {
  const power = 10 ** Math.floor(Math.log10(most / 3));
  return [5, 2, 1].map((factor) => factor * power).find((step) => most / step >= 3) ?? power;
}

function text({ x, y, size, weight = 400, fill = COLOURS.text, anchor = 'start' }, content) {
  const fitting = Math.min(size, tenths((WIDTH - 2 * MARGIN) / (CHARACTER * content.length)));
  const place = `x="${x}" y="${y}" font-size="${fitting}" font-weight="${weight}" fill="${fill}"`;
  return `<text ${place}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}>${escaped(content)}</text>`;
}

function shortFigure(value) {
  if (value < 10_000) return value.toLocaleString('en', { maximumSignificantDigits: 3 });
  return value.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 3 });
}

function tenths(value) {
  return Math.round(value * 10) / 10;
}

function escaped(content) {
  return content.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
