//! What `tools/release` makes: an archive that is deployed by unpacking it, plain templates,
//! checksums, a bill of materials.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use local_cloud::{CLUSTER, Cloud, REGION, TARGET_1};
use serde_json::{Value, json};

use crate::intrinsic::Template;
use crate::plain::{TEMPLATE, plain};
use crate::sealed::{BOOTSTRAP, in_a_room, start_program};
use crate::stacks::{configuration, database};

/// What `CloudFormation` takes as a template's body, rather than from a bucket.
const BODY: usize = 51_200;

/// The release for `x86_64`, of the function that the other tests run.
static RELEASE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = empty("release");
    let output = release("x86_64", &folder, &BOOTSTRAP);
    assert!(output.status.success(), "tools/release");
    folder
});

/// An empty folder among those of the tests.
fn empty(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn release(processor: &str, folder: &Path, function: &Path) -> Output {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/release"))
        .arg(processor)
        .arg(folder)
        .arg("--function")
        .arg(function)
        .stderr(Stdio::inherit())
        .output()
        .unwrap()
}

/// A file of the release by what follows its name and version.
fn file(end: &str) -> PathBuf {
    let version = env!("CARGO_PKG_VERSION");
    RELEASE.join(format!("failover-follower-{version}-{end}"))
}

fn json_of(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn unzip(archive: &Path, into: &Path) {
    let mut unzip = Command::new("unzip");
    unzip.arg("-q").arg(archive).arg("-d").arg(into);
    assert!(
        unzip.status().unwrap().success(),
        "unzip {}",
        archive.display()
    );
}

/// The folder that the archive unpacks to, in an empty one.
fn unpacked(name: &str) -> PathBuf {
    let folder = empty(name);
    unzip(&file("x86_64.zip"), &folder);
    let made: Vec<_> = folder.read_dir().unwrap().collect();
    let [Ok(top)] = &made[..] else {
        panic!("one folder, not {made:?}")
    };
    top.path()
}

/// What `sam deploy` uploads and hands to `CloudFormation`, which then transforms it.
async fn packaged(cloud: &Cloud, folder: &Path, options: &str) -> Value {
    let (folder, made) = (folder.display(), folder.join("packaged.yaml"));
    let sam = sam();
    let line = format!(
        "cd '{folder}' && SAM_CLI_TELEMETRY=0 '{sam}' package {options} --s3-bucket deployment \
         --region {REGION} --output-template-file packaged.yaml"
    );
    cloud.shell(&line).await.unwrap();
    plain(made.to_str().unwrap(), "s3://none/none")
}

fn sam() -> String {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/venv");
    let output = Command::new(venv).arg("sam").output().unwrap();
    let venv = String::from_utf8(output.stdout).unwrap();
    format!("{}/bin/sam", venv.trim())
}

/// The program in the zip that Lambda is given.
async fn uploaded(cloud: &Cloud, template: &Value, parameters: &[(&str, &str)]) -> PathBuf {
    let template = Template::new(template, parameters);
    let code = &template.resources("AWS::Lambda::Function")["Follower"]["Code"];
    let place = |name: &str| code[name].as_str().unwrap();
    let (bucket, key) = (place("S3Bucket"), place("S3Key"));
    let folder = empty(&format!("uploaded-{key}"));
    let zip = folder.join("code.zip");
    let line = format!(
        "aws s3 cp --quiet --region {REGION} 's3://{bucket}/{key}' '{}'",
        zip.display()
    );
    cloud.shell(&line).await.unwrap();
    unzip(&zip, &folder);
    let files = folder.read_dir().unwrap().map(|one| one.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| *path != zip).collect();
    assert_eq!(
        files,
        [folder.join("bootstrap")],
        "nothing else is uploaded"
    );
    files.remove(0)
}

/// The stack's group is filled by a run of the program that the stack's function has.
async fn fills(cloud: &Cloud, template: &Value, path: &Value, further: &[(&str, &str)]) {
    let database = database(cloud).await;
    let about = database.parameters();
    let path = cloud.create_stack("path", path, &about).await.unwrap();
    let group = &path.outputs["TargetGroupArn"];
    let mut parameters = vec![
        ("DBClusterIdentifier", CLUSTER),
        ("TargetGroupArn", group),
        ("WatchSeconds", "4"),
        ("PollIntervalMs", "200"),
    ];
    parameters.extend(further);
    let program = uploaded(cloud, template, &parameters).await;
    assert!(fs::read(&program).unwrap() == fs::read(&*BOOTSTRAP).unwrap());
    let stack = cloud.create_stack("function", template, &parameters);
    let stack = stack.await.unwrap();
    let function = start_program(&program, cloud, &configuration(cloud, &stack).await).await;
    let report = function.invoke(&json!({})).await.unwrap().outcome.unwrap();
    assert_eq!(report["routes"][0]["outcome"], "switched", "{report}");
    let targets = cloud.targets_in(group).await.unwrap();
    assert_eq!(targets, [TARGET_1.to_owned()].into());
}

#[test]
fn the_archive_is_unpacked_and_deployed_and_its_function_fills_the_group() {
    let folder = unpacked("unpacked");
    in_a_room(async move |room| {
        let cloud = room.start_cloud().await.unwrap();
        cloud.stage(&[]).await.unwrap();
        // The template is found as `sam deploy` finds it: none is named.
        let template = packaged(&cloud, &folder, "").await;
        let path = packaged(&cloud, &folder, "--config-env privatelink").await;
        fills(&cloud, &template, &path, &[]).await;
    });
}

#[test]
fn the_plain_templates_are_deployed_from_a_bucket_and_the_function_fills_the_group() {
    let zip = file("x86_64-function.zip");
    in_a_room(async move |room| {
        let cloud = room.start_cloud().await.unwrap();
        cloud.stage(&[]).await.unwrap();
        let key = zip.file_name().unwrap().to_str().unwrap();
        let copy = format!(
            "aws s3 cp --quiet --region {REGION} '{}' s3://deployment/{key}",
            zip.display()
        );
        cloud.shell(&copy).await.unwrap();
        let code = [("CodeBucket", "deployment"), ("CodeKey", key)];
        let [template, path] = ["template", "privatelink"].map(released);
        fills(&cloud, &template, &path, &code).await;
    });
}

/// A plain template of the release.
fn released(name: &str) -> Value {
    json_of(&file(&format!("{name}.json")))
}

#[test]
fn the_plain_templates_are_compact_and_need_no_transformation() {
    for name in ["template", "privatelink"] {
        let text = fs::read_to_string(file(&format!("{name}.json"))).unwrap();
        assert!(text.len() < BODY, "{name}: {} bytes", text.len());
        assert_eq!(text.lines().count(), 1, "{name}");
        assert_eq!(released(name)["Transform"], Value::Null, "{name}");
    }
    let names = |template: &Value| {
        let parameters = template["Parameters"].as_object().unwrap();
        parameters.keys().cloned().collect::<Vec<_>>()
    };
    let mut further = names(&released("template"));
    further.retain(|name| TEMPLATE["Parameters"][name].is_null());
    assert_eq!(further, ["CodeBucket", "CodeKey"]);
    // Both have a value in no template: what is asked for is asked for.
    let code = &released("template")["Parameters"];
    assert!(further.iter().all(|name| code[name]["Default"].is_null()));
}

#[test]
fn a_zip_that_is_by_its_name_for_another_processor_is_refused_with_a_sentence() {
    let template = released("template");
    let group =
        "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/w/0123456789abcdef";
    let actions = |key: &str, processor: &str| {
        let parameters = [
            ("DBClusterIdentifier", CLUSTER),
            ("TargetGroupArn", group),
            ("CodeBucket", "deployment"),
            ("CodeKey", key),
            ("Architecture", processor),
        ];
        let template = Template::new(&template, &parameters);
        template.resources("AWS::CloudWatch::Alarm")["ErrorsAlarm"]["AlarmActions"].clone()
    };
    for (key, processor) in [
        ("failover-follower-1.0.0-x86_64-function.zip", "x86_64"),
        ("arm64/failover-follower.zip", "arm64"),
        ("follower.zip", "arm64"), // which says nothing
    ] {
        assert_eq!(actions(key, processor), Value::Null, "{key}");
    }
    for (key, processor) in [
        ("failover-follower-1.0.0-x86_64-function.zip", "arm64"),
        ("failover-follower-1.0.0-arm64-function.zip", "x86_64"),
    ] {
        // No ARN, which CloudWatch refuses and says back.
        let sentence = format!("The zip {key} is by its name not for Architecture {processor}");
        assert_eq!(actions(key, processor), json!([sentence]));
    }
}

/// The function with another processor in its header, as far as `tools/release` can tell.
fn forged(machine: u8) -> PathBuf {
    let mut program = fs::read(&*BOOTSTRAP).unwrap();
    program[18] = machine; // e_machine
    let path = empty("forged").join(machine.to_string());
    fs::write(&path, program).unwrap();
    path
}

#[test]
fn a_function_for_another_processor_makes_no_archive_and_an_archive_takes_no_other() {
    let folder = empty("refused");
    let text = folder.join("no-program");
    fs::write(&text, "#!/bin/sh\n").unwrap();
    let arm = forged(183);
    for (processor, function, sentence) in [
        (
            "arm64",
            &*BOOTSTRAP,
            "is built for x86_64, and this archive is for arm64",
        ),
        (
            "x86_64",
            &arm,
            "is built for arm64, and this archive is for x86_64",
        ),
        ("x86_64", &text, "is no 64-bit little-endian ELF program"),
    ] {
        let made = folder.join("made");
        let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/release"))
            .arg(processor)
            .args([&made, Path::new("--function"), function])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && said.contains(sentence),
            "{said}"
        );
        assert!(!made.exists());
    }

    let made = empty("arm64");
    assert!(release("arm64", &made, &arm).status.success());
    let version = env!("CARGO_PKG_VERSION");
    unzip(
        &made.join(format!("failover-follower-{version}-arm64.zip")),
        &made,
    );
    let archive = made.join(format!("failover-follower-{version}-arm64"));
    for template in ["template.yaml", "all-in-one.yaml"] {
        let template = archive.join(template);
        let template = plain(template.to_str().unwrap(), "s3://bucket/key");
        let processor = &template["Parameters"]["Architecture"];
        assert_eq!(processor["AllowedValues"], json!(["arm64"]));
        assert_eq!(processor["Default"], "arm64");
    }
    let settings = fs::read_to_string(archive.join("samconfig.toml")).unwrap();
    assert_eq!(settings.matches("\"Architecture=arm64\"").count(), 2);
    assert!(!settings.contains("x86_64") && !settings.contains("sam build"));
}

#[test]
fn the_checksums_are_those_of_every_other_file() {
    for list in ["x86_64.sha256", "templates.sha256"] {
        let mut check = Command::new("sha256sum");
        check.arg("--check").arg(file(list)).current_dir(&*RELEASE);
        let status = check.stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "{list}");
    }
    let lists = ["x86_64.sha256", "templates.sha256"].map(|list| fs::read_to_string(file(list)));
    let listed = lists.map(Result::unwrap).concat();
    for path in RELEASE.read_dir().unwrap().map(|one| one.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(listed.contains(name) || name.ends_with(".sha256"), "{name}");
    }
}

#[test]
fn the_bill_of_materials_has_what_is_in_the_binary_and_no_crate_of_the_tests() {
    let bill = json_of(&file("x86_64.cdx.json"));
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let function = &bill["metadata"]["component"];
    assert_eq!(function["name"], "failover-follower");
    assert_eq!(function["version"], env!("CARGO_PKG_VERSION"));
    let components = bill["components"].as_array().unwrap();
    let find = |name: &str| components.iter().find(|one| one["name"] == name);
    let rds = find("aws-sdk-rds").unwrap();
    let url = rds["purl"].as_str().unwrap();
    assert!(url.starts_with("pkg:cargo/aws-sdk-rds@"), "{url}");
    assert!(
        rds["licenses"].is_array() && rds["hashes"].is_array(),
        "{rds}"
    );
    for other in ["proptest", "stateright", "local-cloud", "simulated-world"] {
        assert!(find(other).is_none(), "{other}");
    }
}

#[test]
fn the_archive_carries_the_licenses_of_what_is_in_it() {
    let folder = unpacked("licenses");
    let texts = fs::read_to_string(folder.join("LICENSES-OF-DEPENDENCIES")).unwrap();
    let bill = json_of(&file("x86_64.cdx.json"));
    for component in bill["components"].as_array().unwrap() {
        let text = |name: &str| component[name].as_str().unwrap();
        let named = format!("{} {} (", text("name"), text("version"));
        assert!(texts.contains(&named), "{named}");
    }
    for own in ["LICENSE-APACHE", "LICENSE-MIT"] {
        assert!(folder.join(own).exists(), "{own}");
    }
}

/// Who has the release has the tool that prints the policies, and what it reads.
#[test]
fn the_releases_printer_of_policies_reads_the_releases_template() {
    let output = Command::new("python3")
        .arg(file("role-policy"))
        .args(["schedule", "--template"])
        .arg(file("template.json"))
        .args(["--stack", "follower", "--region", REGION])
        .args(["--account", "123456789012"])
        .output()
        .unwrap();
    let policy: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(policy["Statement"][0]["Action"], "lambda:InvokeFunction");
}
