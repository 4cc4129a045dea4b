// A date and a time of RFC 3339, as `"format": "date-time"` of the schema lets it through.

const MINUTE = 60_000;

// Down to the minute: `at` in milliseconds since 1970-01-01T00:00:00Z, and `wall`, a Date whose UTC fields are what a clock there shows.
export function read(text) {
  const minute = text.slice(0, 16).toUpperCase();
  const [offset] = /([+-]\d\d:\d\d|Z)$/.exec(text.toUpperCase());
  return { at: Date.parse(minute + offset), wall: new Date(`${minute}Z`) };
}

// What a clock shows that many minutes later.
export function later(wall, minutes) {
  return new Date(wall.getTime() + minutes * MINUTE);
}

// The hour and the minute, from 00:00 to 23:59.
export function clock(wall) {
  return wall.toISOString().slice(-13, -8);
}
