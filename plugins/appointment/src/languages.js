// The languages: their words, and how they write a date. The engine has no Intl. A new language is a new entry.

const LANGUAGES = {
  de: {
    weekdays: ['Sonntag', 'Montag', 'Dienstag', 'Mittwoch', 'Donnerstag', 'Freitag', 'Samstag'],
    months: ['Januar', 'Februar', 'März', 'April', 'Mai', 'Juni', 'Juli', 'August', 'September', 'Oktober', 'November', 'Dezember'],
    date: ({ weekday, day, month, year, time }) => `${weekday}, ${day}. ${month} ${year}, ${time} Uhr`,
    yours: 'Ihr Termin',
    yoursWith: (business) => `Ihr Termin bei ${business}`,
    otherwise: 'Wenn Sie nicht kommen können, antworten Sie bitte auf diese Nachricht.',
  },
  en: {
    weekdays: ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'],
    months: ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'],
    date: ({ weekday, day, month, year, time }) => `${weekday}, ${day} ${month} ${year}, ${time}`,
    yours: 'Your appointment',
    yoursWith: (business) => `Your appointment with ${business}`,
    otherwise: 'If you cannot come, please reply to this message.',
  },
  es: {
    weekdays: ['domingo', 'lunes', 'martes', 'miércoles', 'jueves', 'viernes', 'sábado'],
    months: ['enero', 'febrero', 'marzo', 'abril', 'mayo', 'junio', 'julio', 'agosto', 'septiembre', 'octubre', 'noviembre', 'diciembre'],
    date: ({ weekday, day, month, year, time }) => `${weekday}, ${day} de ${month} de ${year}, ${time}`,
    yours: 'Tu cita',
    yoursWith: (business) => `Tu cita con ${business}`,
    otherwise: 'Si no puedes venir, responde a este mensaje.',
  },
  fr: {
    weekdays: ['dimanche', 'lundi', 'mardi', 'mercredi', 'jeudi', 'vendredi', 'samedi'],
    months: ['janvier', 'février', 'mars', 'avril', 'mai', 'juin', 'juillet', 'août', 'septembre', 'octobre', 'novembre', 'décembre'],
    date: ({ weekday, day, month, year, time }) => `${weekday} ${day === 1 ? '1er' : day} ${month} ${year}, ${time}`,
    yours: 'Votre rendez-vous',
    yoursWith: (business) => `Votre rendez-vous avec ${business}`,
    otherwise: 'Si vous ne pouvez pas venir, répondez à ce message.',
  },
  it: {
    weekdays: ['domenica', 'lunedì', 'martedì', 'mercoledì', 'giovedì', 'venerdì', 'sabato'],
    months: ['gennaio', 'febbraio', 'marzo', 'aprile', 'maggio', 'giugno', 'luglio', 'agosto', 'settembre', 'ottobre', 'novembre', 'dicembre'],
    date: ({ weekday, day, month, year, time }) => `${weekday} ${day === 1 ? '1º' : day} ${month} ${year}, ${time}`,
    yours: 'Il tuo appuntamento',
    yoursWith: (business) => `Il tuo appuntamento con ${business}`,
    otherwise: 'Se non puoi venire, rispondi a questo messaggio.',
  },
  nl: {
    weekdays: ['zondag', 'maandag', 'dinsdag', 'woensdag', 'donderdag', 'vrijdag', 'zaterdag'],
    months: ['januari', 'februari', 'maart', 'april', 'mei', 'juni', 'juli', 'augustus', 'september', 'oktober', 'november', 'december'],
    date: ({ weekday, day, month, year, time }) => `${weekday} ${day} ${month} ${year}, ${time}`,
    yours: 'Uw afspraak',
    yoursWith: (business) => `Uw afspraak bij ${business}`,
    otherwise: 'Kunt u niet komen? Beantwoord dan dit bericht.',
  },
  pt: {
    weekdays: ['domingo', 'segunda-feira', 'terça-feira', 'quarta-feira', 'quinta-feira', 'sexta-feira', 'sábado'],
    months: ['janeiro', 'fevereiro', 'março', 'abril', 'maio', 'junho', 'julho', 'agosto', 'setembro', 'outubro', 'novembro', 'dezembro'],
    date: ({ weekday, day, month, year, time }) => `${weekday}, ${day === 1 ? '1º' : day} de ${month} de ${year}, ${time}`,
    yours: 'Seu agendamento',
    yoursWith: (business) => `Seu agendamento com ${business}`,
    otherwise: 'Se não puder vir, responda a esta mensagem.',
  },
  tr: {
    weekdays: ['Pazar', 'Pazartesi', 'Salı', 'Çarşamba', 'Perşembe', 'Cuma', 'Cumartesi'],
    months: ['Ocak', 'Şubat', 'Mart', 'Nisan', 'Mayıs', 'Haziran', 'Temmuz', 'Ağustos', 'Eylül', 'Ekim', 'Kasım', 'Aralık'],
    date: ({ weekday, day, month, year, time }) => `${day} ${month} ${year} ${weekday}, ${time}`,
    yours: 'Randevunuz',
    yoursWith: (business) => `${business} randevunuz`,
    otherwise: 'Gelemeyecekseniz lütfen bu mesajı yanıtlayın.',
  },
};

// The language of this tag, or else of the tag without its last part, and so on: the lookup of RFC 4647, section 3.4. Null when
// there is none.
export function find(tag) {
  for (let wanted = tag.toLowerCase(); wanted !== ''; wanted = wanted.slice(0, Math.max(0, wanted.lastIndexOf('-')))) {
    if (Object.hasOwn(LANGUAGES, wanted)) {
      return LANGUAGES[wanted];
    }
  }
  return null;
}
