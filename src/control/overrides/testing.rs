//! Catalogs that tests change in thought.

use crate::control::loader::Loader;
use crate::snapshot::Catalog;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// A configuration in a throw-away directory, loaded.
pub struct Fixture {
    /// Where it lies.
    pub directory: TempDir,
    /// What it serves.
    pub catalog: Arc<Catalog>,
}

const ZONE: &str =
    "$TTL 300\n@ SOA ns hostmaster 1 7200 900 1209600 300\n@ NS ns\nns A 192.0.2.53\n";

impl Fixture {
    /// A server's file, and zones with their steering.
    pub fn new(server: &str, zones: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let write = |path: String, text: &str| {
            std::fs::write(directory.path().join(path), text).unwrap();
        };
        std::fs::create_dir(directory.path().join("zones")).unwrap();
        write("fingerpost.toml".into(), server);
        for (zone, steering) in zones {
            write(format!("zones/{zone}.zone"), ZONE);
            write(format!("zones/{zone}.toml"), steering);
        }
        let loaded = Loader::new(&directory.path().join("fingerpost.toml")).load();
        let load = loaded.unwrap_or_else(|report| panic!("{report:?}"));
        assert!(!load.report.has_errors(), "{:?}", load.report);
        Self { catalog: load.catalog, directory }
    }

    /// A path in it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }
}

/// Sites of the server's and of a zone's, pools of one name in two zones, and a pool called like a site.
pub fn two_zones() -> Fixture {
    let endpoint = |site: &str, number: u8| {
        format!("{{ site = \"{site}\", a = \"192.0.2.{number}\", weight = 1 }}")
    };
    let pool = |name: &str, endpoints: &[String]| {
        format!(
            "[pools.{name}]\nendpoints = [{}]\n[names.{name}]\npool = \"{name}\"\n",
            endpoints.join(", ")
        )
    };
    let sites = "[sites]\nfra = { coordinates = [50, 8] }\niad = { coordinates = [39, -77] }\n\
                 sin = { coordinates = [1, 103] }\ntwin = { coordinates = [0, 0] }\n";
    let shared = format!("[pools.shared]\nendpoints = [{}]\n", endpoint("fra", 1));
    let com = [
        pool("web", &[endpoint("fra", 10), endpoint("iad", 11)]),
        pool("api", &[endpoint("fra", 12), endpoint("sin", 13)]),
        pool("twin", &[endpoint("twin", 14)]),
    ];
    let net = [
        "[sites]\nsin = { coordinates = [2, 102] }\n".to_owned(),
        pool("web", &[endpoint("fra", 20), endpoint("sin", 21)]),
        "[names.shared]\npool = \"shared\"\n".to_owned(),
    ];
    let zones = [("example.com", &*com.concat()), ("example.net", &*net.concat())];
    Fixture::new(&format!("{sites}{shared}"), &zones)
}
