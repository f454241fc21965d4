//! `fingerpost director`: what concerns the load balancers behind a VIP.

mod agent;
mod render;

use std::process::ExitCode;

/// Work with directors, the load balancers whose VIPs are handed out
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost director agent --listen 10.0.0.1:8054 --token-file /etc/fingerpost/agent.token
                                                   on the director: tell what IPVS does
  fingerpost director render lvs-fra > keepalived.conf
                                                   write the director's own configuration")]
pub(super) struct DirectorArgs {
    #[command(subcommand)]
    command: DirectorCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum DirectorCommand {
    Agent(agent::Args),
    Render(render::Args),
}

pub(super) fn run(args: DirectorArgs) -> ExitCode {
    match args.command {
        DirectorCommand::Agent(args) => agent::run(args),
        DirectorCommand::Render(args) => render::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::Arguments;
    use clap::Parser;

    #[test]
    fn arguments_are_understood() {
        let check = |line: &str, understood: bool| {
            let parsed = Arguments::try_parse_from(line.split(' '));
            assert_eq!(parsed.is_ok(), understood, "{line}: {parsed:?}");
        };
        check("fingerpost director agent", true);
        check("fingerpost director agent --listen [::1]:0 --listen 127.0.0.1:0", true);
        check("fingerpost director agent --token-file t --maintenance-file m --proc p", true);
        check("fingerpost director agent --listen localhost:80", false);
        check("fingerpost director", false);
    }
}
