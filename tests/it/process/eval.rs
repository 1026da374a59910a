//! `hookweir eval`: expressions tried by hand.

use super::project::Project;

/// Runs `eval` and gives its exit code, with standard output and standard error together.
fn eval(project: &Project, args: &[&str]) -> (i32, String) {
    let mut words = vec!["eval"];
    words.extend(args);
    let said = project.run(&words);
    (said.code, said.out + &said.err)
}

#[test]
fn an_expression_may_begin_with_a_minus() {
    let project = Project::empty();
    project.write("b.json", "{\"n\": 7}");
    for (args, expected) in [
        (&["-7 / 2"][..], "-3\n"),
        (&["-7"], "-7\n"),
        (&["--type", "-7.5"], "double\n-7.5\n"),
        (&["-body.n", "--body", "b.json"], "-7\n"),
        (&["--body", "b.json", "-body.n", "--type"], "dyn\n-7\n"),
        (&["--body=b.json", "--", "-body.n"], "-7\n"),
    ] {
        assert_eq!(eval(&project, args), (0, expected.to_owned()), "{args:?}");
    }
}

#[test]
fn a_list_that_is_too_short_is_told_with_its_length() {
    let project = Project::empty();
    assert_eq!(
        eval(&project, &["[1, 2][5]"]),
        (
            1,
            "error: index out of range: 5, and the list has 2 items\n  \
             help: it happened at `5`\n"
                .to_owned()
        )
    );
    assert_eq!(eval(&project, &["[1, 2][5] ?? 3"]), (0, "3\n".to_owned()));
}

#[test]
fn a_body_that_was_not_given_is_asked_for() {
    let project = Project::empty();
    for expression in ["body.a", "$.body.a"] {
        let (code, said) = eval(&project, &[expression]);
        assert_eq!(code, 1);
        assert!(
            said.contains("= help: `--body FILE` gives a body"),
            "{said}"
        );
    }
}
