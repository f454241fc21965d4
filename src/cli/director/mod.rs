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
