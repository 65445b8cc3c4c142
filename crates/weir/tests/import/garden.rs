//! A directory with the files of a service that lets out streams of a garden.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A service's configuration in the form of service-runner, where the allow-list stands deep inside.
const SERVICE: &str = "\
num_workers: 2
logging:
  level: info
  streams: [{type: stdout}]
services:
  - name: sse
    module: ./app.js
    conf:
      port: 8092
      stream_config_uri: https://wiki.example/w/api.php?action=streamconfigs
      stream_config_object_path: streams
      stream_config_defaults:
        garden.plant:
          description: |-
            A plant was put
            into a bed.
          stream_aliases: [plant]
        garden.harvest:
          stream_aliases: [harvest-delete]
      allowed_streams:
        - garden.plant
        - garden.harvest
        - garden.water
        - garden.mixed
        - garden.gone
        - garden.empty
        - kitchen.private.diary
        - /^garden\\.job\\..+/
        - garden.plant
      kafka: {metadata.broker.list: 'localhost:9092'}
";

/// The answer of the API, with tabs, an escaped slash, a surrogate pair and a list that became an object.
const STREAMS: &str = r#"{
	"streams": {
		"garden.water": {"stream": "garden.water", "schema_title": "garden\/water", "canary_events_enabled": true},
		"garden.plant": {
			"schema_title": "garden/plant",
			"topics": ["north.garden.plant", "south.garden.plant"],
			"message_key_fields": {"bed_id": "bed.id", "plant_id": "plant.id"},
			"producers": {"rate": 0.5, "note": "\ud83c\udf31", "on": null}
		},
		"garden.harvest": {"$schema": "https://schema.example/repositories/primary/jsonschema/garden/harvest/2.1.0",
			"topics": {"0": "north.garden.harvest", "1": "south.garden.harvest"}},
		"garden.mixed": {"topics": ["north.garden.mixed", "south.garden.mixes"]},
		"garden.empty": {"topics": []},
		"garden.unasked": {"topics": ["north.garden.unasked"]},
		"kitchen.private.diary": {"topics": ["north.kitchen.private.diary"]},
		"/^garden\\.job\\..+/": {"topics": ["/^(north\\.|south\\.)garden\\.job\\..+/"]}
	}
}
"#;

/// The directory.
pub struct Garden(pub tempfile::TempDir);

impl Garden {
    pub fn new() -> Self {
        let garden = Self(tempfile::tempdir().unwrap());
        garden.put("service.yaml", SERVICE);
        garden.put("streams.json", STREAMS);
        garden
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    /// The exit status, what was printed, and what was said.
    pub fn import(&self, arguments: &[&str]) -> (i32, String, String) {
        run(&[&["import", "eventstreams"], arguments].concat(), self.0.path())
    }
}

/// What `weir` does with these arguments.
pub fn run(arguments: &[&str], directory: &Path) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_weir")).args(arguments).current_dir(directory).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}
