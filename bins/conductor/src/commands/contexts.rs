//! `context`: the servers of the contexts file, and which one is the current one.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::args::{Contexts, Output};
use crate::exit::{Failed, PASSED};
use crate::remote::Context;
use crate::{answers, out, remote};

/// Lists contexts, shows one, or makes one the current one.
pub(super) fn contexts(verb: Contexts, output: Output) -> Result<u8, Failed> {
    let contexts = remote::contexts()?;
    let is_current = |context: &Context| contexts.current.as_ref() == Some(&context.name);
    match verb {
        Contexts::List => match output {
            Output::Json => {
                let all = contexts.all.iter().map(|context| json(context, is_current(context)));
                out::json(&all.collect::<Vec<_>>())?;
            }
            Output::Text if contexts.all.is_empty() => out::answer("no contexts\n")?,
            Output::Text => {
                let width = contexts.all.iter().map(|context| context.name.len()).max().unwrap_or_default();
                let mut text = String::new();
                for context in &contexts.all {
                    let star = if is_current(context) { '*' } else { ' ' };
                    // Writing to a string does not fail.
                    let _ = writeln!(text, "{star} {:<width$}  {}", context.name, context.server);
                }
                out::answer(&text)?;
            }
        },
        Contexts::Use { name } => {
            contexts.choose(&name)?;
            answers::say(output, &format!("{name} is the current context"));
        }
        Contexts::Show { name } => {
            let named = name.as_deref().map(|name| contexts.named(name)).transpose()?;
            let none =
                || Failed::input("there is no current context; expected the name of one, or conductor context use");
            let context = named.or_else(|| contexts.current()).ok_or_else(none)?;
            match output {
                Output::Json => out::json(&json(context, is_current(context)))?,
                Output::Text => out::answer(&text(context))?,
            }
        }
    }
    Ok(PASSED)
}

fn text(context: &Context) -> String {
    let Context { name, server, tls, token } = context;
    let mut text = format!("context      {name}\nserver       {server}\ncredentials  {}", token.name());
    if let Some((certificate, _)) = &tls.identity {
        let _ = write!(text, ", certificate in {}", certificate.display());
    }
    if let Some(file) = &tls.ca_file {
        let _ = write!(text, "\nauthorities  those of this machine, and {}", file.display());
    }
    text + "\n"
}

fn json(context: &Context, is_current: bool) -> Value {
    let Context { name, server, tls, token } = context;
    json!({
        "name": name,
        "server": server.to_string(),
        "current": is_current,
        "credentials": token.name(),
        "clientCertificate": tls.identity.as_ref().map(|(certificate, _)| certificate),
        "caFile": tls.ca_file,
    })
}
