//! What the doctor found: a line for each check as soon as it is made, or all of it as one JSON object at the end.

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::exit::Exit;

/// What a check found: one sentence, which says what to do where something is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// As it should be.
    Well(String),
    /// Worth knowing; a start works all the same.
    Note(String),
    /// To be mended before Switchboard can do its work.
    Fault(String),
}

#[derive(Serialize)]
struct Check {
    check: &'static str,
    level: Level,
    says: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Note,
    Fault,
}

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Lines,
    /// For programs: `{"well", "faults", "checks": [{"check", "level", "says"}]}`.
    Json,
}

/// The report.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    form: Form,
    checks: Vec<Check>,
}

impl<'a> Report<'a> {
    pub(super) fn new(out: &'a mut dyn Write, form: Form) -> Self {
        let checks = Vec::new();
        Self { out, form, checks }
    }

    /// Takes down what a check found.
    pub(super) fn add(&mut self, check: &'static str, finding: Finding) -> io::Result<()> {
        let (level, mark, says) = match finding {
            Finding::Well(says) => (Level::Ok, "ok   ", says),
            Finding::Note(says) => (Level::Note, "note ", says),
            Finding::Fault(says) => (Level::Fault, "FAULT", says),
        };
        if self.form == Form::Lines {
            writeln!(self.out, "{mark}  {check}: {says}")?;
        }
        self.checks.push(Check { check, level, says });
        Ok(())
    }

    /// Ends the report with its verdict.
    pub(super) fn end(self) -> io::Result<Exit> {
        let faults = self.checks.iter().filter(|check| check.level == Level::Fault).count();
        match (self.form, faults) {
            (Form::Json, _) => {
                let (well, checks) = (faults == 0, self.checks);
                let report = serde_json::json!({"well": well, "faults": faults, "checks": checks});
                writeln!(self.out, "{report}")?;
            }
            (Form::Lines, 0) => writeln!(self.out, "All is well.")?,
            (Form::Lines, 1) => writeln!(self.out, "One fault is to be mended.")?,
            (Form::Lines, n) => writeln!(self.out, "{n} faults are to be mended.")?,
        }
        Ok(if faults == 0 { Exit::Ok } else { Exit::Unwell })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn report(form: Form, findings: Vec<(&'static str, Finding)>) -> (Exit, String) {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, form);
        for (check, finding) in findings {
            report.add(check, finding).unwrap();
        }
        let exit = report.end().unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    fn findings() -> Vec<(&'static str, Finding)> {
        vec![
            ("plugins", Finding::Well("loaded".to_owned())),
            ("clock", Finding::Note("not compared".to_owned())),
            ("database", Finding::Fault("it is damaged; restore it".to_owned())),
        ]
    }

    #[test]
    fn a_person_reads_lines_and_a_verdict() {
        let (exit, text) = report(Form::Lines, findings());
        let expected = "ok     plugins: loaded\nnote   clock: not compared\n\
                        FAULT  database: it is damaged; restore it\nOne fault is to be mended.\n";
        assert_eq!((exit, text.as_str()), (Exit::Unwell, expected));
        let (exit, text) = report(Form::Lines, findings()[..2].to_vec());
        assert!(exit == Exit::Ok && text.ends_with("All is well.\n"), "{text}");
    }

    #[test]
    fn a_program_reads_one_object_that_says_the_same() {
        let (exit, text) = report(Form::Json, findings());
        let found: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({"well": false, "faults": 1, "checks": [
            {"check": "plugins", "level": "ok", "says": "loaded"},
            {"check": "clock", "level": "note", "says": "not compared"},
            {"check": "database", "level": "fault", "says": "it is damaged; restore it"},
        ]});
        assert_eq!((exit, found), (Exit::Unwell, expected));
    }
}
