using System.CommandLine;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>The options by which every command that asks an agent says who it is, and whom it trusts.</summary>
internal sealed class PeerArguments
{
    private readonly Option<string?> _token = new("--token-file")
    {
        Description = $"File with the agents' token; else {PeerOptions.TokenVariable} has it.", HelpName = "FILE",
    };

    private readonly Option<string?> _authorities = new("--ca-file")
    {
        Description = "Certificates (PEM) to trust with https://, instead of the machine's.", HelpName = "FILE",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_token);
        command.Options.Add(_authorities);
    }

    public PeerOptions Read(ParseResult parsed) => new()
    {
        AuthorityFile = parsed.GetValue(_authorities), TokenFile = parsed.GetValue(_token),
        Token = Environment.GetEnvironmentVariable(PeerOptions.TokenVariable),
    };
}
