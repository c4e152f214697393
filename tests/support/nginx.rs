//! A real nginx before a server, told nothing of event streams.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::requirement::{NGINX, find};

const PATIENCE: Duration = Duration::from_secs(20);
const PORTS_TRIED: usize = 5;

/// What nginx speaks with its clients. Servers behind it get HTTP/1.0 either way, its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// HTTP/1.1 without TLS.
    Plain,
    /// HTTP/2 for those who ask for it, by TLS with a certificate that it signed itself.
    Http2,
}

/// nginx as an own process with a folder of its own. It ends when this is dropped.
#[derive(Debug)]
pub struct Nginx {
    process: Child,
    folder: PathBuf,
    origin: String,
}

impl Nginx {
    /// Starts nginx on a free port, for a server at `target`, with its files below `folder`.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start(folder: &Path, front: Front, target: &str) -> Self {
        // Whoever else looks for a free port may be faster.
        (0..PORTS_TRIED)
            .find_map(|_| Self::start_on(free_port(), folder, front, target))
            .expect("nginx starts on one of the ports")
    }

    fn start_on(port: u16, folder: &Path, front: Front, target: &str) -> Option<Self> {
        let folder = folder.join(format!("nginx-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        if front == Front::Http2 {
            write_certificate(&folder);
        }
        fs::write(folder.join("nginx.conf"), configuration(port, front, target)).expect("a file");
        let program = find(NGINX.programs[0]).expect("nginx is there");
        let process = Command::new(program)
            .args(["-e", "error.log", "-c", "nginx.conf", "-p"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx runs");
        let scheme = if front == Front::Http2 { "https" } else { "http" };
        let mut nginx = Self { process, folder, origin: format!("{scheme}://127.0.0.1:{port}") };
        nginx.listens().then_some(nginx)
    }

    /// The URL of a path of the server, through nginx.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The requests that are over, as lines of `STATUS PROTOCOL METHOD PATH?QUERY`.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("access.log")).unwrap_or_default();
        log.lines().map(Into::into).collect()
    }

    /// Waits until a request that is over has a line that starts so, and returns the first of them.
    ///
    /// # Panics
    ///
    /// When there is none after twenty seconds.
    pub async fn wait_for_request(&self, start: &str) -> String {
        let since = Instant::now();
        loop {
            let requests = self.requests();
            if let Some(request) = requests.iter().find(|request| request.starts_with(start)) {
                return request.clone();
            }
            assert!(since.elapsed() < PATIENCE, "no {start:?} in {requests:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until nginx listens; not so when it ends instead, since the port is taken.
    fn listens(&mut self) -> bool {
        let start = Instant::now();
        let listening = self.folder.join("nginx.pid");
        loop {
            // It writes its number once it has all its ports.
            if fs::metadata(&listening).is_ok_and(|file| file.len() > 0) {
                return true;
            }
            let log = || fs::read_to_string(self.folder.join("error.log")).unwrap_or_default();
            if self.process.try_wait().expect("a child").is_some() {
                let log = log();
                assert!(log.contains("Address already in use"), "nginx did not start: {log}");
                return false;
            }
            assert!(start.elapsed() < PATIENCE, "nginx does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It is one process, so none is left behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// What nginx needs to run beside others and not as root, Debian's settings, and `proxy_pass` alone.
fn configuration(port: u16, front: Front, target: &str) -> String {
    let listen = match front {
        Front::Plain => format!("listen 127.0.0.1:{port};"),
        Front::Http2 => format!(
            "listen 127.0.0.1:{port} ssl http2;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;"
        ),
    };
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    log_format requests '$status $server_protocol $request_method $request_uri';
    access_log access.log requests;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;

    # As in the file that Debian installs.
    sendfile on;
    tcp_nopush on;
    gzip on;

    server {{
        {listen}
        location / {{
            proxy_pass http://{target};
        }}
    }}
}}
"
    )
}

fn write_certificate(folder: &Path) {
    let signed = rcgen::generate_simple_self_signed(["127.0.0.1".into()]).expect("a certificate");
    fs::write(folder.join("certificate.pem"), signed.cert.pem()).expect("a file");
    fs::write(folder.join("key.pem"), signed.signing_key.serialize_pem()).expect("a file");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
