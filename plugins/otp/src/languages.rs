//! The languages and their sentences. A new language is a new row, in the order of the tags.
//!
//! `{code}`, `{brand}` and `{minutes}` stand for what the message is about. Minutes are abbreviated, or stand behind a colon, so
//! that no language needs a plural.

/// The sentences of one language.
#[derive(Debug)]
pub(crate) struct Language {
    /// A BCP 47 tag.
    pub(crate) tag: &'static str,
    /// Whether it is written from right to left.
    pub(crate) right_to_left: bool,
    /// The code alone.
    pub(crate) plain: &'static str,
    /// The code and whom it is for.
    pub(crate) branded: &'static str,
    /// How long it is valid.
    pub(crate) expiry: &'static str,
    /// That nobody else may know it.
    pub(crate) warning: &'static str,
}

/// The language of this tag, or else of the tag without its last part, and so on: the lookup of RFC 4647, section 3.4.
pub(crate) fn find(tag: &str) -> Option<&'static Language> {
    let mut wanted = tag;
    loop {
        let found = LANGUAGES
            .iter()
            .find(|language| language.tag.eq_ignore_ascii_case(wanted));
        if found.is_some() {
            return found;
        }
        wanted = wanted.rsplit_once('-')?.0;
    }
}

const LANGUAGES: &[Language] = &[
    Language {
        tag: "ar",
        right_to_left: true,
        plain: "رمز التحقق الخاص بك هو {code}.",
        branded: "رمز التحقق الخاص بك في {brand} هو {code}.",
        expiry: "مدة الصلاحية بالدقائق: {minutes}.",
        warning: "لا تشاركه مع أي شخص.",
    },
    Language {
        tag: "de",
        right_to_left: false,
        plain: "{code} ist Ihr Bestätigungscode.",
        branded: "{code} ist Ihr Bestätigungscode für {brand}.",
        expiry: "Er gilt {minutes} Min.",
        warning: "Geben Sie ihn niemandem weiter.",
    },
    Language {
        tag: "en",
        right_to_left: false,
        plain: "{code} is your verification code.",
        branded: "{code} is your verification code for {brand}.",
        expiry: "It is valid for {minutes} min.",
        warning: "Do not share it with anyone.",
    },
    Language {
        tag: "es",
        right_to_left: false,
        plain: "{code} es tu código de verificación.",
        branded: "{code} es tu código de verificación de {brand}.",
        expiry: "Es válido durante {minutes} min.",
        warning: "No lo compartas con nadie.",
    },
    Language {
        tag: "fr",
        right_to_left: false,
        plain: "{code} est votre code de vérification.",
        branded: "{code} est votre code de vérification pour {brand}.",
        expiry: "Il est valable {minutes} min.",
        warning: "Ne le communiquez à personne.",
    },
    Language {
        tag: "he",
        right_to_left: true,
        plain: "קוד האימות שלך הוא {code}.",
        branded: "קוד האימות שלך עבור {brand} הוא {code}.",
        expiry: "תוקף בדקות: {minutes}.",
        warning: "אין לשתף אותו עם אף אחד.",
    },
    Language {
        tag: "hi",
        right_to_left: false,
        plain: "{code} आपका सत्यापन कोड है।",
        branded: "{code} {brand} के लिए आपका सत्यापन कोड है।",
        expiry: "यह {minutes} मिनट तक मान्य है।",
        warning: "इसे किसी के साथ साझा न करें।",
    },
    Language {
        tag: "id",
        right_to_left: false,
        plain: "{code} adalah kode verifikasi Anda.",
        branded: "{code} adalah kode verifikasi Anda untuk {brand}.",
        expiry: "Kode ini berlaku selama {minutes} menit.",
        warning: "Jangan bagikan kepada siapa pun.",
    },
    Language {
        tag: "it",
        right_to_left: false,
        plain: "{code} è il tuo codice di verifica.",
        branded: "{code} è il tuo codice di verifica per {brand}.",
        expiry: "È valido per {minutes} min.",
        warning: "Non condividerlo con nessuno.",
    },
    Language {
        tag: "ja",
        right_to_left: false,
        plain: "確認コードは {code} です。",
        branded: "{brand} の確認コードは {code} です。",
        expiry: "有効期限は {minutes} 分です。",
        warning: "他の人に教えないでください。",
    },
    Language {
        tag: "pt",
        right_to_left: false,
        plain: "{code} é seu código de verificação.",
        branded: "{code} é seu código de verificação para {brand}.",
        expiry: "Válido por {minutes} min.",
        warning: "Não o compartilhe com ninguém.",
    },
    Language {
        tag: "ru",
        right_to_left: false,
        plain: "{code} — ваш код подтверждения.",
        branded: "{code} — ваш код подтверждения для {brand}.",
        expiry: "Код действует {minutes} мин.",
        warning: "Никому его не сообщайте.",
    },
    Language {
        tag: "tr",
        right_to_left: false,
        plain: "Doğrulama kodunuz: {code}.",
        branded: "{brand} doğrulama kodunuz: {code}.",
        expiry: "{minutes} dakika geçerlidir.",
        warning: "Kimseyle paylaşmayın.",
    },
    Language {
        tag: "zh",
        right_to_left: false,
        plain: "您的验证码是 {code}。",
        branded: "您的 {brand} 验证码是 {code}。",
        expiry: "{minutes} 分钟内有效。",
        warning: "请勿告诉任何人。",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_its_tags() {
        assert!(LANGUAGES.is_sorted_by(|one, next| one.tag < next.tag));
        assert!(LANGUAGES.len() >= 8);
    }

    #[test]
    fn an_operator_may_choose_each_of_them_and_no_other() {
        let tags: Vec<_> = LANGUAGES.iter().map(|language| format!("{:?}", language.tag)).collect();
        let schema = format!("default_language = {{ enum = [{}] }}", tags.join(", "));
        assert!(include_str!("../plugin.toml").contains(&schema), "{schema}");
    }

    #[test]
    fn every_sentence_has_its_own_places_and_no_other() {
        for language in LANGUAGES {
            for (sentence, places) in [
                (language.plain, &["{code}"][..]),
                (language.branded, &["{code}", "{brand}"]),
                (language.expiry, &["{minutes}"]),
                (language.warning, &[]),
            ] {
                assert_eq!(sentence.matches('{').count(), places.len(), "{sentence}");
                assert!(places.iter().all(|place| sentence.contains(place)), "{sentence}");
            }
        }
    }

    #[test]
    fn a_tag_leads_to_the_nearest_language() {
        for (tag, found) in [
            ("pt-BR", "pt"),
            ("PT", "pt"),
            ("zh-Hant-TW", "zh"),
            ("en-GB-oxendict", "en"),
        ] {
            assert_eq!(find(tag).map(|language| language.tag), Some(found), "{tag}");
        }
        for tag in ["tlh", "tlh-x", "", "-en"] {
            assert!(find(tag).is_none(), "{tag}");
        }
    }
}
