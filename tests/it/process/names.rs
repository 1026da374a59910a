//! Names that lead somewhere else than they seem to: a DNS server of our own, which answers as a
//! hostile one would.
//!
//! The gateway sees it by a `resolv.conf` of its own, mounted where nobody else sees it. What it
//! may reach is a network of the loopback device, in the place of the public ones; what it may not
//! is 127.0.0.1, where somebody listens at the same port and must not be heard from.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::Command;

use simple_dns::rdata::{A, AAAA, RData};
use simple_dns::{CLASS, Packet, PacketFlag, QTYPE, ResourceRecord, TYPE};

use super::project::{Project, eventually};
use crate::harness::destination::{Destination, Does};

/// Where the permitted one listens.
const PERMITTED: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);

/// What a name leads to, each time that it is asked for.
fn addresses(name: &str, times: u32) -> Vec<IpAddr> {
    let texts: &[&str] = match name {
        "permitted.test" => &["127.1.0.1"],
        "mixed.test" => &["127.0.0.1", "127.1.0.1"],
        // What is looked at and what is connected to would differ.
        "flip.test" if times == 0 => &["127.1.0.1"],
        "flip.test" | "local.test" | "printer.internal" => &["127.0.0.1"],
        "private.test" => &["10.0.0.1", "192.168.0.1", "172.16.0.1"],
        "metadata.test" => &["169.254.169.254"],
        "mapped.test" => &["::ffff:127.0.0.1"],
        "nat64.test" => &["64:ff9b::7f00:1"],
        "unique.test" => &["fd00::1", "::1"],
        _ => &[],
    };
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Answers until the test's process ends. `None`, and said, for who may not listen at port 53.
#[expect(
    clippy::print_stdout,
    reason = "a test that does nothing says why; `tests/run` shows it"
)]
fn serve_names() -> Option<IpAddr> {
    // Nobody else's, so that two runs do not meet.
    let [.., third, fourth] = std::process::id().to_be_bytes();
    let address = IpAddr::from([127, 53, third, fourth.max(1)]);
    let socket = match UdpSocket::bind((address, 53)) {
        Ok(socket) => socket,
        Err(error) => {
            println!("skipped: no DNS server without root: {error}");
            return None;
        }
    };
    std::thread::spawn(move || {
        let mut asked: HashMap<String, u32> = HashMap::new();
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let query = Packet::parse(&buffer[..length]).unwrap();
            let question = query.questions[0].clone();
            let name = question.qname.to_string();
            let is_v6 = question.qtype == QTYPE::TYPE(TYPE::AAAA);
            let times = asked.entry(name.clone()).or_default();
            let found = addresses(&name, *times);
            // A look is a question for each of the two kinds.
            *times += u32::from(is_v6);
            let mut reply = Packet::new_reply(query.id());
            reply.set_flags(PacketFlag::RECURSION_AVAILABLE);
            for address in found {
                let data = match address {
                    IpAddr::V4(address) if !is_v6 => RData::A(A::from(address)),
                    IpAddr::V6(address) if is_v6 => RData::AAAA(AAAA::from(address)),
                    _ => continue,
                };
                let record = ResourceRecord::new(question.qname.clone(), CLASS::IN, 0, data);
                reply.answers.push(record);
            }
            reply.questions.push(question);
            socket
                .send_to(&reply.build_bytes_vec().unwrap(), from)
                .unwrap();
        }
    });
    Some(address)
}

const REFUSED: [&str; 8] = [
    "local.test",
    "printer.internal",
    "private.test",
    "metadata.test",
    "mapped.test",
    "nat64.test",
    "unique.test",
    "localhost",
];

#[test]
fn a_name_leads_nowhere_that_its_address_may_not() {
    let Some(server) = serve_names() else { return };
    let forbidden = Destination::kind();
    let port = forbidden.address.port();
    let permitted = Destination::at((PERMITTED, port).into(), |came| {
        if came.header("host").unwrap().starts_with("flip") {
            Does::Breaks
        } else {
            Does::Answers(200, "", "{}")
        }
    });
    let mut specs = String::from(
        "function: orders\naccept: { path: /orders }\nauth: none\nrespond: { body: taken }\ndeliver:\n",
    );
    let mut connections = String::new();
    let permitted_names = ["permitted.test", "mixed.test", "flip.test"];
    for host in REFUSED.into_iter().chain(permitted_names) {
        let name = host.replace('.', "_");
        specs.push_str(&format!(
            "  - {{ name: {name}, connection: {name}, retry: {{ first: 1s, attempts: 5 }}, request: {{ json: {{}} }} }}\n"
        ));
        connections.push_str(&format!(
            "---\nconnection: {name}\nbase_url: http://{host}:{port}\nallow: [127.1.0.0/16]\n"
        ));
    }
    let project = Project::new(&(specs + &connections));
    project.write("resolv.conf", &format!("nameserver {server}\n"));
    let mut command = Command::new("unshare");
    project.prepare(&mut command);
    command
        .args(["--mount", "sh", "-c"])
        .arg(r#"mount --bind resolv.conf /etc/resolv.conf && exec "$0" "$@""#)
        .arg(env!("CARGO_BIN_EXE_hookweir"))
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ]);
    let mut serving = project.start(command);
    let answer = serving.raw().request("POST", "/orders", &[], b"{}");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let rows = || {
        let listed = project.run(&["deliveries", "list", "--format", "json"]);
        let listed = listed.json();
        let rows = listed["deliveries"].as_array().unwrap().clone();
        rows.into_iter().map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            (text("name"), (text("state"), text("reason")))
        })
    };
    let settled: HashMap<String, (String, String)> = eventually("an end of each", || {
        let rows: HashMap<_, _> = rows().collect();
        let is_done = rows
            .values()
            .all(|(state, _)| state != "pending" && state != "leased");
        is_done.then_some(rows)
    });
    for host in REFUSED.into_iter().chain(["flip.test"]) {
        let (state, reason) = &settled[&host.replace('.', "_")];
        assert_eq!(state, "dead", "{host}: {reason}");
        assert!(reason.contains("public address"), "{host}: {reason}");
    }
    for host in ["permitted.test", "mixed.test"] {
        let (state, reason) = &settled[&host.replace('.', "_")];
        assert_eq!(state, "delivered", "{host}: {reason}");
    }
    assert_eq!(permitted.all().len(), 3);
    assert!(forbidden.all().is_empty(), "somebody came where nobody may");
    serving.stop();
}
