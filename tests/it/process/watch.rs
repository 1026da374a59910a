//! With `--watch` a changed folder is taken over by itself, however it was changed.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use super::project::{OPEN, Project};

fn version(name: &str) -> String {
    OPEN.replace("version: one", &format!("version: {name}"))
}

#[test]
fn files_that_editors_write_are_taken_over() {
    let project = Project::new(OPEN);
    let serving = project.serve(&["--watch"]);
    // In place, as `nano` does.
    project.write("specs/all.yaml", &version("two"));
    serving.wait_for_version("two");
    // Under another name and then over it, as `vim` and most others do; with a copy beside it.
    project.write("specs/all.yaml.bak", OPEN);
    project.replace("specs/all.yaml", &version("three"));
    serving.wait_for_version("three");
    // The old one moved away, as `vim` with `backupcopy=no` does.
    fs::rename(
        project.path("specs/all.yaml"),
        project.path("specs/all.yaml~"),
    )
    .unwrap();
    project.write("specs/all.yaml", &version("four"));
    serving.wait_for_version("four");
    // A file more.
    project.write(
        "specs/new.yaml",
        "function: newcomer\nauth: none\nrespond: { output: done }\n",
    );
    serving.logged("generation 5 is served");
    assert_eq!(serving.call("newcomer", "").status, 200);
    fs::remove_file(project.path("specs/new.yaml")).unwrap();
    serving.logged("generation 6 is served");
    assert_eq!(serving.call("newcomer", "").status, 404);
}

#[test]
fn a_broken_file_is_told_with_its_place_and_a_mended_one_heals() {
    let project = Project::new(OPEN);
    let serving = project.serve(&["--watch"]);
    let mut file = fs::File::create(project.path("specs/all.yaml")).unwrap();
    // Half of it, and then a rest that does not come for a while.
    file.write_all(b"function: open_house\nauth: none\nrespond: { status_code: 200, body: { vers")
        .unwrap();
    file.sync_all().unwrap();
    let line = serving.logged("cannot be served");
    let message = line["message"].as_str().unwrap();
    assert!(message.contains("specs/all.yaml:3:"), "{message}");
    assert_eq!(serving.version(), "one");
    assert_eq!(serving.metric("hookweir_config_last_reload_success"), "0");
    file.write_all(b"ion: two } }\n").unwrap();
    serving.wait_for_version("two");
    super::project::eventually("the metric", || {
        (serving.metric("hookweir_config_last_reload_success") == "1").then_some(())
    });
    // Neither half was ever served.
    assert_eq!(serving.generation()["number"], 2);
}

#[test]
fn a_git_checkout_is_taken_over_with_its_commit() {
    let project = Project::new(OPEN);
    project.git(&["init", "-q", "-b", "main"]);
    project.git(&["add", "specs"]);
    project.git(&["commit", "-q", "-m", "one"]);
    let first = project.git(&["rev-parse", "HEAD"]);
    project.git(&["checkout", "-q", "-b", "topic"]);
    project.write("specs/all.yaml", &version("two"));
    for number in 0..30 {
        let text = format!("function: helper_{number}\nauth: none\nrespond: {{ output: done }}\n");
        project.write(&format!("specs/helper_{number}.yaml"), &text);
    }
    project.git(&["add", "specs"]);
    project.git(&["commit", "-q", "-m", "two"]);
    let second = project.git(&["rev-parse", "HEAD"]);
    project.git(&["checkout", "-q", "main"]);

    let serving = project.serve(&["--watch"]);
    assert_eq!(serving.generation()["commit"]["id"], first.as_str());
    for (branch, commit, version, functions) in [
        ("topic", &second, "two", 31),
        ("main", &first, "one", 1),
        ("topic", &second, "two", 31),
    ] {
        project.git(&["checkout", "-q", branch]);
        serving.wait_for_version(version);
        let generation = serving.generation();
        assert_eq!(generation["commit"]["id"], commit.as_str());
        assert_eq!(generation["commit"]["modified"], false, "{generation}");
        assert_eq!(
            generation["functions"].as_array().map(Vec::len),
            Some(functions)
        );
    }
    // Each checkout was one generation: none was served half.
    assert_eq!(serving.generation()["number"], 4);
}

/// No file of the folder changes, but now it can be said where they come from.
#[test]
fn a_commit_alone_is_followed() {
    let project = Project::new(OPEN);
    project.git(&["init", "-q", "-b", "main"]);
    project.git(&["commit", "-q", "--allow-empty", "-m", "nothing"]);
    let serving = project.serve(&["--watch"]);
    assert_eq!(serving.generation()["commit"]["modified"], true);
    project.git(&["add", "specs"]);
    for number in 2..=4 {
        project.git(&["commit", "-q", "--allow-empty", "-m", "more"]);
        let commit = project.git(&["rev-parse", "HEAD"]);
        serving.logged(&format!("generation {number} is served"));
        let generation = serving.generation();
        assert_eq!(generation["commit"]["id"], commit.as_str());
        assert_eq!(generation["commit"]["modified"], false, "{generation}");
        // The requests' lines say the same.
        serving.version();
        serving.logged(&commit);
    }
}

#[test]
fn while_git_holds_its_lock_nothing_is_taken_over() {
    let project = Project::new(OPEN);
    project.git(&["init", "-q"]);
    let lock = project.path(".git/index.lock");
    let serving = project.serve(&["--watch"]);
    fs::write(&lock, "").unwrap();
    project.write("specs/all.yaml", &version("half"));
    // An explicit reload of something else would come in; the watch alone waits. What it waits
    // for is replaced before the lock goes.
    project.write("specs/all.yaml", &version("whole"));
    fs::remove_file(&lock).unwrap();
    serving.wait_for_version("whole");
    assert_eq!(serving.generation()["number"], 2);
}

#[test]
fn a_swapped_link_is_taken_over() {
    let project = Project::empty();
    fs::remove_dir(project.path("specs")).unwrap();
    for name in ["one", "two"] {
        project.write(&format!("releases/{name}/all.yaml"), &version(name));
    }
    symlink("releases/one", project.path("specs")).unwrap();
    let serving = project.serve(&["--watch"]);
    for name in ["two", "one", "two"] {
        symlink(format!("releases/{name}"), project.path("next")).unwrap();
        fs::rename(project.path("next"), project.path("specs")).unwrap();
        serving.wait_for_version(name);
    }
    // The folder that is linked now is watched, and the one from before is not.
    project.write("releases/one/all.yaml", "broken");
    project.write("releases/two/all.yaml", &version("three"));
    serving.wait_for_version("three");
    assert_eq!(serving.metric("hookweir_config_last_reload_success"), "1");
}

#[test]
fn a_config_map_as_kubernetes_mounts_it_is_taken_over() {
    let project = Project::empty();
    let mount = |name: &str| {
        project.write(&format!("specs/..{name}/all.yaml"), &version(name));
        symlink(format!("..{name}"), project.path("specs/..data_tmp")).unwrap();
        fs::rename(
            project.path("specs/..data_tmp"),
            project.path("specs/..data"),
        )
        .unwrap();
    };
    mount("one");
    symlink("..data/all.yaml", project.path("specs/all.yaml")).unwrap();
    let serving = project.serve(&["--watch"]);
    for (name, old) in [("two", "one"), ("three", "two")] {
        mount(name);
        fs::remove_dir_all(project.path(&format!("specs/..{old}"))).unwrap();
        serving.wait_for_version(name);
    }
}
