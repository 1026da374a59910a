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
