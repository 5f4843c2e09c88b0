using System.IO.Pipes;
using System.Text.Json;
using Collector.Tests.Support;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Tests.Hosting;
using Collector.Worker.Tests.Portable;
using static Collector.Worker.Tests.Events.EventSamples;

namespace Collector.Worker.Tests.Events.Outlets;

public sealed class JsonEventOutletTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("netlens-events-").FullName;
    private readonly LogList<EventHub> _log = new();

    private string Target => Path.Combine(_folder, "events.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [LinuxFact]
    public void Lines_are_appended_to_a_file_that_others_may_not_read()
    {
        File.WriteAllText(Target, "kept\n");
        using (var outlet = Outlet())
        {
            Write(outlet, 1).ShouldBe(1);
            Write(outlet, 2, 3).ShouldBe(2);
        }
        Numbers(Target).ShouldBe(["kept", "number 1", "number 2", "number 3"]);
        File.Delete(Target);
        using (var outlet = Outlet())
            outlet.Write([], CancellationToken.None).ShouldBe(0);
        File.ReadAllText(Target).ShouldBeEmpty();
        var mode = Convert.ToInt32(Shell.Run("stat", "-c", "%a", Target).Trim(), 8);
        mode.ShouldBe(Convert.ToInt32("640", 8) & ~Umask());
    }

    [LinuxFact]
    public void After_a_rotation_it_goes_on_in_a_new_file()
    {
        using var outlet = Outlet();
        Write(outlet, 1);
        File.Move(Target, Target + ".1");
        Write(outlet, 2);
        File.Move(Target, Target + ".2");
        File.WriteAllText(Target, "made by logrotate\n");
        Write(outlet, 3);
        File.Delete(Target);
        Write(outlet, 4);

        Numbers(Target + ".1").ShouldBe(["number 1"]);
        Numbers(Target + ".2").ShouldBe(["number 2"]);
        Numbers(Target).ShouldBe(["number 4"]);
    }

    [LinuxFact]
    public void After_a_cut_it_goes_on_at_the_new_end()
    {
        using var outlet = Outlet();
        Write(outlet, 1, 2, 3);
        using (var file = new FileStream(Target, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(0);
        Write(outlet, 4);
        Numbers(Target).ShouldBe(["number 4"]);
    }

    [LinuxFact]
    public void A_full_disk_is_counted_and_told_once()
    {
        using var outlet = JsonEventOutlet.Create("/dev/full", _log);
        outlet.Write([], CancellationToken.None);
        for (var i = 0; i < 3; i++)
            Write(outlet, i).ShouldBe(0);
        _log.Lines.ShouldHaveSingleItem().ShouldStartWith("Warning: events cannot be written to /dev/full (");
    }

    [RequiresRootFact("mount")]
    public void A_disk_that_runs_full_keeps_whole_lines_only_and_goes_on_when_there_is_room()
    {
        var mount = Path.Combine(_folder, "disk");
        Directory.CreateDirectory(mount);
        Shell.Run("mount", "-t", "tmpfs", "-o", "size=64k", "none", mount);
        try
        {
            var path = Path.Combine(mount, "events.json");
            using var outlet = JsonEventOutlet.Create(path, _log);
            var written = 0;
            while (Write(outlet, [.. Enumerable.Range(0, 10)]) == 10)
                written += 10;
            Numbers(path).Length.ShouldBe(written);

            using (var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                file.SetLength(0);
            Write(outlet, 77).ShouldBe(1);
            Numbers(path).ShouldBe(["number 77"]);
        }
        finally
        {
            Shell.Run("umount", mount);
        }
        _log.Lines.Count.ShouldBe(2);
        _log.Lines[1].ShouldStartWith("Information: events are written to ");
    }

    [LinuxFact]
    public void A_missing_folder_is_told_at_the_start_and_no_hindrance_once_it_is_there()
    {
        var path = Path.Combine(_folder, "later", "events.json");
        using var outlet = JsonEventOutlet.Create(path, _log);
        outlet.Write([], CancellationToken.None).ShouldBe(0);
        Write(outlet, 1).ShouldBe(0);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Write(outlet, 2).ShouldBe(1);
        Numbers(path).ShouldBe(["number 2"]);
        _log.Lines.Count.ShouldBe(2);
    }

    [LinuxFact]
    public void A_folder_in_its_place_is_counted()
    {
        using var outlet = JsonEventOutlet.Create(_folder, _log);
        Write(outlet, 1).ShouldBe(0);
        _log.Lines.ShouldHaveSingleItem();
    }

    [LinuxFact]
    public void A_pipe_gets_lines_and_its_end_is_counted()
    {
        using var reader = new AnonymousPipeServerStream(PipeDirection.In);
        var writer = (int)reader.ClientSafePipeHandle.DangerousGetHandle();
        using var outlet = new JsonEventOutlet(new StandardOutput(writer), _log);
        Write(outlet, 1).ShouldBe(1);
        using var text = new StreamReader(reader);
        text.ReadLine().ShouldNotBeNull().ShouldContain("number 1");
        reader.Dispose();

        // Now nobody can read: EPIPE, which the runtime's own stream would keep to itself.
        Write(outlet, 2).ShouldBe(0);
        _log.Lines.ShouldHaveSingleItem().ShouldContain("standard output");
    }

    private JsonEventOutlet Outlet() => JsonEventOutlet.Create(Target, _log);

    private static int Write(JsonEventOutlet outlet, params int[] numbers) =>
        outlet.Write([.. numbers.Select(Plain)], CancellationToken.None);

    private static string[] Numbers(string path) => File.ReadLines(path)
        .Select(l => l[0] == '{' ? JsonDocument.Parse(l).RootElement.GetProperty("message").GetString()! : l)
        .ToArray();

    private static int Umask() => Convert.ToInt32(
        File.ReadLines("/proc/self/status").First(l => l.StartsWith("Umask:"))[6..].Trim(), 8);
}
