// The kind, as the host and the API description have it.

const schema = {
  type: 'object',
  properties: {
    what: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      description: 'What it is, in a few words.',
    },
    when: {
      type: 'string',
      format: 'date-time',
      description: 'When it begins, later than now. Day and time are told as they stand here, so write them with the offset of its place.',
    },
    minutes: {
      type: 'integer',
      minimum: 1,
      maximum: 720,
      description: 'How long it takes. Without it only the beginning is told.',
    },
    place: {
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 1, maxLength: 200, description: 'What one looks for at the door.' },
        address: { type: 'string', minLength: 1, maxLength: 500, description: 'In one line.' },
        latitude: { type: 'number', minimum: -90, maximum: 90, description: 'With both coordinates the place follows as a location.' },
        longitude: { type: 'number', minimum: -180, maximum: 180 },
      },
      required: ['name'],
      dependentRequired: { latitude: ['longitude'], longitude: ['latitude'] },
      additionalProperties: false,
      description: 'Where it is.',
    },
    language: {
      type: 'string',
      maxLength: 35,
      pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$',
      description: 'A BCP 47 tag. One that is not spoken here falls back to its base language, and then to the operator\'s choice.',
    },
  },
  required: ['what', 'when'],
  additionalProperties: false,
};

const example = {
  what: 'Dental check-up',
  when: '2099-12-03T14:30:00+01:00',
  minutes: 45,
  place: { name: 'Dr. Weber', address: 'Lindenstr. 5, 50674 Cologne', latitude: 50.9325, longitude: 6.9386 },
  language: 'en',
};

export const kind = {
  name: 'appointment',
  summary: 'A reminder of an appointment in the language of the recipient, with its place on the map.',
  schema: JSON.stringify(schema),
  example: JSON.stringify(example),
};
