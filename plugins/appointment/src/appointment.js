// `appointment`: a reminder of an appointment in the recipient's language, and its place on the map.
//
// A plugin is a pure function. The host has held the body against the schema before it calls `next`, so what is left to do here is what
// a schema cannot say, and the words. There is no clock and no console in here: the time is `context.acceptedAtMs`.

import { find } from './languages.js';
import { kind } from './kind.js';
import { reminder } from './reminder.js';
import { read } from './when.js';

export const messageHandler = {
  kinds() {
    return [kind];
  },

  next(context, _kind, body, _outcomes) {
    const appointment = JSON.parse(body);
    const config = JSON.parse(context.config);
    const start = read(appointment.when);
    // A u64 is a BigInt to some tools and a number to others.
    if (start.at <= Number(context.acceptedAtMs)) {
      throw invalidField('when', '`when` must be later than now.');
    }
    const language = find(appointment.language ?? config.default_language) ?? find(config.default_language);
    if (language === null) {
      throw { tag: 'internal', val: 'default_language is not a language of this plugin' };
    }
    const text = reminder(language, appointment, start, config.business);
    return { tag: 'send', val: [{ tag: 'text', val: { body: text, previewUrl: false } }, ...onTheMap(appointment.place)] };
  },
};

// What the schema says of `place` is that it has both coordinates or none.
function onTheMap(place) {
  if (place?.latitude === undefined) {
    return [];
  }
  const { latitude, longitude, name, address } = place;
  return [{ tag: 'location', val: { latitude, longitude, name, address } }];
}

// Never with what the message says: problems are logged.
function invalidField(field, message) {
  return { tag: 'invalid-field', val: { field, message } };
}
