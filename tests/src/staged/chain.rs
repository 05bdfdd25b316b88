//! What goes wrong with the mock of a staged run: its mode, and its route.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::staged::scene::Scene;

impl Scene {
    /// Sets the mode of the Hoverfly that takes payments of load tests.
    pub fn mock_mode(&self, mode: &str) {
        let address = self.between("hoverfly: { admin: [\"http://", "\"");
        let body = format!("{{\"mode\": \"{mode}\"}}");
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!("PUT /api/v2/hoverfly/mode HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}", body.len());
        write!(stream, "{head}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.split(' ').nth(1) == Some("200"), "{answer}");
    }

    /// Takes the route to the mock away from Skipper, which looks at its file.
    pub fn remove_mock_route(&self) {
        let routes = std::fs::read_to_string(self.path("payments.eskip")).unwrap();
        let left = routes.split_inclusive(";\n").filter(|route| !route.contains("payments_mock:")).collect::<String>();
        assert!(left.len() < routes.len(), "no payments_mock in {routes}");
        // Whoever reads it must not find half of it.
        self.write("payments.new", &left);
        std::fs::rename(self.path("payments.new"), self.path("payments.eskip")).unwrap();
    }
}
