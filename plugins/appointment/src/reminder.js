// The words of a reminder: four lines, of which the place may be missing.

import { clock, later } from './when.js';

export function reminder(language, { what, minutes, place }, { wall }, business) {
  const time = minutes === undefined ? clock(wall) : `${clock(wall)}–${clock(later(wall, minutes))}`;
  const date = language.date({
    weekday: language.weekdays[wall.getUTCDay()],
    day: wall.getUTCDate(),
    month: language.months[wall.getUTCMonth()],
    year: wall.getUTCFullYear(),
    time,
  });
  const heading = business === '' ? language.yours : language.yoursWith(business);
  const lines = [`*${heading}*`, what, date.charAt(0).toUpperCase() + date.slice(1)];
  if (place !== undefined) {
    lines.push(place.address === undefined ? place.name : `${place.name}, ${place.address}`);
  }
  return [lines.join('\n'), language.otherwise].join('\n\n');
}
