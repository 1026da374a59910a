//! A third party behind HTTPS: a certificate authority, hosts with its certificates, and the proxy
//! by which a gateway comes to them, since their names are in no DNS.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Builder, PATIENCE};

/// What is answered at an address: status and body; status 0: nothing, the connection is closed.
pub(crate) type Page = (u16, String);

/// Signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// An authority below this one.
    pub(crate) fn below(&self, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::signed_by(params, key, &self.0).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a host, in PEM and DER; `until` is the year in which it ends.
    pub(crate) fn certify(&self, host: &str, key: &KeyPair, until: i32) -> rcgen::Certificate {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        params.signed_by(key, &self.0).unwrap()
    }
}

/// A running third party.
pub(crate) struct ThirdParty {
    pub(crate) authority: Authority,
    proxy: SocketAddr,
    pages: Arc<Mutex<HashMap<String, Page>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ThirdParty {
    /// Of these hosts. Its threads end with the process.
    pub(crate) fn start(hosts: &[&str]) -> Self {
        let authority = Authority::new("authority of a test");
        let configs: HashMap<String, Arc<ServerConfig>> = hosts
            .iter()
            .map(|host| {
                let key = KeyPair::generate().unwrap();
                let certificate = authority.certify(host, &key, 2090);
                let der: CertificateDer<'static> = certificate.der().clone();
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let config = ServerConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_no_client_auth()
                    .with_single_cert(vec![der], key)
                    .unwrap();
                ((*host).to_owned(), Arc::new(config))
            })
            .collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let party = Self {
            authority,
            proxy: listener.local_addr().unwrap(),
            pages: Arc::default(),
            asked: Arc::default(),
        };
        let (pages, asked) = (Arc::clone(&party.pages), Arc::clone(&party.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (configs, pages, asked) = (configs.clone(), pages.clone(), asked.clone());
                std::thread::spawn(move || {
                    // What a client breaks off is the client's business.
                    let _ = serve(stream?, &configs, &pages, &asked);
                    Ok::<_, std::io::Error>(())
                });
            }
        });
        party
    }

    /// Puts a page at `HOST/PATH`.
    pub(crate) fn page(&self, address: &str, status: u16, body: impl Into<String>) {
        let mut pages = self.pages.lock().unwrap();
        pages.insert(address.to_owned(), (status, body.into()));
    }

    /// What was asked for, as `GET HOST/PATH`, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// A gateway that comes to it.
    pub(crate) fn reached_by(&self, builder: Builder) -> Builder {
        let builder = builder.file("authority.pem", &self.authority.pem());
        let proxy = format!("http://{}", self.proxy);
        let authorities = builder.folder.path().join("authority.pem");
        builder.settings(move |settings| {
            settings.outbound.proxy = Some(proxy);
            settings.outbound.authorities = Some(authorities);
        })
    }
}

fn serve(
    stream: TcpStream,
    configs: &HashMap<String, Arc<ServerConfig>>,
    pages: &Mutex<HashMap<String, Page>>,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let (line, _) = head(&mut BufReader::with_capacity(1, &stream))?;
    let target = line.split(' ').nth(1).unwrap_or_default();
    let host = target.strip_suffix(":443").unwrap_or_default().to_owned();
    let Some(config) = configs.get(&host) else {
        return (&stream).write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    };
    (&stream).write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n")?;
    let tls = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut secure = BufReader::new(StreamOwned::new(tls, stream));
    loop {
        let (line, length) = head(&mut secure)?;
        let mut body = vec![0; length];
        secure.read_exact(&mut body)?;
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let address = format!("{host}{path}");
        asked.lock().unwrap().push(format!("{method} {address}"));
        let page = pages.lock().unwrap().get(&address).cloned();
        let (status, body) = page.unwrap_or((404, String::new()));
        if status == 0 {
            return Ok(());
        }
        let answer = format!(
            "HTTP/1.1 {status} Because\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        secure.get_mut().write_all(answer.as_bytes())?;
        secure.get_mut().flush()?;
    }
}

/// The first line of a request and the length of its body.
fn head(reader: &mut impl BufRead) -> std::io::Result<(String, usize)> {
    let mut first = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok((first, length));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        if first.is_empty() {
            line.clone_into(&mut first);
        }
    }
}
