using System.Net;
using System.Net.Sockets;
using System.Text;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Google.Protobuf;
using OpenTelemetry.Proto.Collector.Metrics.V1;

namespace Backends.Tests;

/// <summary>The client against a receiver that behaves, misbehaves, or is not there.</summary>
public sealed class ClientTests
{
    private static readonly byte[] Message = Encoding.ASCII.GetBytes(new string('m', 5_000));
    private static readonly RetryPolicy AtOnce = new(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(2));

    public static TheoryData<OtlpProtocol, bool> Ways => new()
    {
        { OtlpProtocol.Grpc, false },
        { OtlpProtocol.Grpc, true },
        { OtlpProtocol.HttpProtobuf, false },
        { OtlpProtocol.HttpProtobuf, true },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_message_arrives_as_it_is_with_its_headers(OtlpProtocol protocol, bool gzip)
    {
        await using var receiver = await Receiver.StartAsync();
        var settings = To(receiver, protocol) with { Gzip = gzip, Headers = [new("x-tenant", "a b,c")] };

        var result = await SendAsync(settings);

        result.Accepted.ShouldBeTrue(result.Detail);
        var received = await receiver.TakeAsync();
        received.Message.ShouldBe(Message);
        received.Gzipped.ShouldBe(gzip);
        received.Headers["x-tenant"].ShouldBe("a b,c");
        received.Headers["user-agent"].ShouldBe("OTel-OTLP-Exporter-Netlens/1.2.3");
        received.Headers.Keys.ShouldNotContain("traceparent");
        if (protocol == OtlpProtocol.Grpc)
        {
            received.Protocol.ShouldBe("HTTP/2");
            received.Path.ShouldBe("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
            received.Headers["te"].ShouldBe("trailers");
            received.Headers["grpc-timeout"].ShouldMatch("^[0-9]{1,8}m$");
        }
        else
        {
            received.Path.ShouldBe("/v1/metrics");
            received.Headers["content-type"].ShouldBe("application/x-protobuf");
        }
    }

    [Theory]
    [InlineData(true, "503 200?")]
    [InlineData(false, "503 417? 200")]
    public async Task What_broke_off_is_asked_about_and_sent_again(bool knowsExpect, string answers)
    {
        await using var receiver = await Receiver.StartAsync();
        using var server = new HastyServer(receiver, 1 << 30, knowsExpect) { Cuts = 1 };
        var settings = To(receiver, OtlpProtocol.HttpProtobuf) with
        {
            Endpoint = new Uri(server.Address, "/v1/metrics"),
            Gzip = false,
        };
        using var client = new OtlpClient(settings, "1", TimeProvider.System, AtOnce);
        var large = new byte[8 << 20];

        (await client.SendAsync(large, default)).ShouldBe(new OtlpResult(null));
        (await receiver.TakeAsync()).Message.Length.ShouldBe(large.Length);
        server.Answers.ShouldBe(answers.Split(' '));

        // Once it is taken, the next one goes without a question.
        (await client.SendAsync(large, default)).ShouldBe(new OtlpResult(null));
        server.Answers.Last().ShouldBe("200");
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task A_partial_success_is_accepted_and_tells_what_was_dropped(OtlpProtocol protocol)
    {
        var partial = new ExportMetricsServiceResponse
        {
            PartialSuccess = new() { RejectedDataPoints = 3, ErrorMessage = "too\nold" },
        };
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Body = partial.ToByteArray() });

        var result = await SendAsync(To(receiver, protocol));

        result.Accepted.ShouldBeTrue();
        result.Rejected.ShouldBe(3);
        result.Detail.ShouldBe("too old");
        receiver.Waiting.ShouldBe(1);
    }

    [Theory]
    [InlineData(400, false)]
    [InlineData(401, false)]
    [InlineData(404, false)]
    [InlineData(413, false)]
    [InlineData(429, true)]
    [InlineData(500, false)]
    [InlineData(501, false)]
    [InlineData(502, true)]
    [InlineData(503, true)]
    [InlineData(504, true)]
    [InlineData(307, false)]
    public async Task Only_the_http_statuses_of_the_specification_are_tried_again(int status, bool again)
    {
        var first = true;
        await using var receiver = await Receiver.StartAsync(_ =>
            new Reply { Status = Interlocked.Exchange(ref first, false) ? status : 200 });

        var result = await SendAsync(To(receiver, OtlpProtocol.HttpProtobuf));

        result.Failure.ShouldBe(again ? null : OtlpFailure.Refused);
        receiver.Waiting.ShouldBe(again ? 2 : 1);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(3, false)]
    [InlineData(4, true)]
    [InlineData(5, false)]
    [InlineData(6, false)]
    [InlineData(7, false)]
    [InlineData(8, false)]
    [InlineData(9, false)]
    [InlineData(10, true)]
    [InlineData(11, true)]
    [InlineData(12, false)]
    [InlineData(13, false)]
    [InlineData(14, true)]
    [InlineData(15, true)]
    [InlineData(16, false)]
    public async Task Only_the_grpc_statuses_of_the_specification_are_tried_again(int status, bool again)
    {
        var first = true;
        await using var receiver = await Receiver.StartAsync(_ => new Reply
        {
            GrpcStatus = Interlocked.Exchange(ref first, false) ? status : 0,
            GrpcMessage = "100 % full",
        });

        var result = await SendAsync(To(receiver, OtlpProtocol.Grpc));

        result.Failure.ShouldBe(again ? null : OtlpFailure.Refused);
        if (!again)
            result.Detail.ShouldEndWith("100 % full");
        receiver.Waiting.ShouldBe(again ? 2 : 1);
    }

    [Fact]
    public async Task An_exhausted_server_is_tried_again_only_when_it_says_when()
    {
        var first = true;
        await using var receiver = await Receiver.StartAsync(_ => new Reply
        {
            GrpcStatus = Interlocked.Exchange(ref first, false) ? 8 : 0,
            GrpcDetails = RetryInfo(seconds: 0, nanoseconds: 1_000_000),
        });

        (await SendAsync(To(receiver, OtlpProtocol.Grpc))).Accepted.ShouldBeTrue();

        receiver.Waiting.ShouldBe(2);
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task A_server_that_asks_for_an_hour_is_left_alone_for_it(OtlpProtocol protocol)
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply
        {
            Status = protocol == OtlpProtocol.Grpc ? 200 : 429,
            Headers = new Dictionary<string, string> { ["Retry-After"] = "3600" },
            GrpcStatus = 14,
            GrpcDetails = RetryInfo(seconds: 3600),
        });
        using var client = new OtlpClient(To(receiver, protocol), "1.2.3", TimeProvider.System, AtOnce);

        var result = await client.SendAsync(Message, default);

        result.Failure.ShouldBe(OtlpFailure.Throttled);
        client.Throttled.ShouldBeTrue();
        receiver.Waiting.ShouldBe(1);
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task A_silent_server_is_given_up_after_the_timeout(OtlpProtocol protocol)
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Silent = true });

        var result = await SendAsync(To(receiver, protocol) with { Timeout = TimeSpan.FromSeconds(2) });

        result.Failure.ShouldBe(OtlpFailure.Timeout);
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task A_connection_that_breaks_is_tried_again(OtlpProtocol protocol)
    {
        var attempts = 0;
        await using var receiver = await Receiver.StartAsync(_ =>
            new Reply { Abort = Interlocked.Increment(ref attempts) < 3 });

        (await SendAsync(To(receiver, protocol))).Accepted.ShouldBeTrue();

        receiver.Waiting.ShouldBe(3);
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task Where_nobody_listens_it_is_unreachable_until_the_time_is_up(OtlpProtocol protocol)
    {
        using var reserved = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        reserved.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var settings = new OtlpSignalSettings
        {
            Endpoint = new Uri($"http://127.0.0.1:{((IPEndPoint)reserved.LocalEndPoint!).Port}/v1/metrics"),
            Protocol = protocol,
            Timeout = TimeSpan.FromSeconds(4),
        };
        // So far apart that the last attempt has time to be refused also on a busy machine.
        var retry = new RetryPolicy(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4));
        using var client = new OtlpClient(settings, "1", TimeProvider.System, retry);

        (await client.SendAsync(Message, default)).Failure.ShouldBe(OtlpFailure.Unreachable);

        client.Retries.ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc, 70_000)]
    [InlineData(OtlpProtocol.HttpProtobuf, 70_000)]
    [InlineData(OtlpProtocol.Grpc, 5_000_000)]
    [InlineData(OtlpProtocol.HttpProtobuf, 5_000_000)]
    public async Task What_was_accepted_with_many_words_was_accepted(OtlpProtocol protocol, int length)
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Body = new byte[length] });

        (await SendAsync(To(receiver, protocol))).ShouldBe(new OtlpResult(null));

        receiver.Waiting.ShouldBe(1);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_told_with_where_to_and_without_its_secrets(int status)
    {
        const string Elsewhere = "https://new.example:4318/s3cret/v1/metrics?t=s3cret";
        var headers = new Dictionary<string, string> { ["Location"] = Elsewhere };
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Status = status, Headers = headers });

        var result = await SendAsync(To(receiver, OtlpProtocol.HttpProtobuf));

        result.Failure.ShouldBe(OtlpFailure.Refused);
        result.Detail.ShouldBe($"HTTP {status} to https://new.example:4318/***/v1/metrics, which is not followed: "
            + "make that the endpoint");
    }

    [Theory]
    [InlineData("999999999")]
    [InlineData("Fri, 31 Dec 9999 23:59:59 GMT")]
    public async Task A_server_cannot_mute_us_for_good(string after)
    {
        var headers = new Dictionary<string, string> { ["Retry-After"] = after };
        await Muted(OtlpProtocol.HttpProtobuf, new Reply { Status = 429, Headers = headers });
    }

    [Fact]
    public Task Nor_can_it_by_ten_years_of_RetryInfo() => Muted(
        OtlpProtocol.Grpc, new Reply { GrpcStatus = 14, GrpcDetails = RetryInfo(seconds: 315_360_000) });

    private static async Task Muted(OtlpProtocol protocol, Reply reply)
    {
        await using var receiver = await Receiver.StartAsync(_ => reply);
        var clock = new StandingClock(StandingClock.Noon);
        using var client = new OtlpClient(To(receiver, protocol), "1", clock, AtOnce);

        var result = await client.SendAsync(Message, default);

        result.Failure.ShouldBe(OtlpFailure.Throttled);
        result.Detail.ShouldContain("the server is left alone until 2026-03-04 12:05:00 UTC (it asked for ");
        client.Throttled.ShouldBeTrue();
        clock.Now += TimeSpan.FromSeconds(299);
        client.Throttled.ShouldBeTrue();
        clock.Now += TimeSpan.FromSeconds(1);
        client.Throttled.ShouldBeFalse();
    }

    [Fact]
    public async Task Garbage_is_no_success()
    {
        await Judged(OtlpProtocol.HttpProtobuf, new Reply { Body = [0xff, 0xff, 0xff] });
        await Judged(OtlpProtocol.HttpProtobuf, new Reply { Body = [0x0a, 0x05, 0x08] });
        await Judged(OtlpProtocol.HttpProtobuf, new Reply { ContentType = "text/html; charset=utf-8" });
        await Judged(OtlpProtocol.Grpc, new Reply { Body = [0x0a, 0x05, 0x08] });
        await Judged(OtlpProtocol.Grpc, new Reply { ContentType = "text/html" });

        static async Task Judged(OtlpProtocol protocol, Reply reply)
        {
            await using var receiver = await Receiver.StartAsync(_ => reply);
            (await SendAsync(To(receiver, protocol))).Failure.ShouldBe(OtlpFailure.BadResponse);
            receiver.Waiting.ShouldBe(1);
        }
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task A_server_that_speaks_no_http_is_unreachable(OtlpProtocol protocol)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var end = new CancellationTokenSource();
        var serving = Task.Run(async () =>
        {
            while (true)
            {
                using var connection = await listener.AcceptTcpClientAsync(end.Token);
                await connection.GetStream().WriteAsync("220 mail.example ESMTP\r\n"u8.ToArray(), end.Token);
            }
        });
        var settings = new OtlpSignalSettings
        {
            Endpoint = new Uri($"http://{listener.LocalEndpoint}"),
            Protocol = protocol,
            Timeout = TimeSpan.FromMilliseconds(500),
        };

        var result = await SendAsync(settings);

        await end.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(serving);
        result.Failure.ShouldBeOneOf(OtlpFailure.Unreachable, OtlpFailure.Timeout);
    }

    [Fact]
    public async Task Stopping_ends_a_request_under_way()
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Silent = true });
        using var stop = new CancellationTokenSource();
        using var client = new OtlpClient(To(receiver, OtlpProtocol.HttpProtobuf), "1", TimeProvider.System, AtOnce);
        var sending = client.SendAsync(Message, stop.Token);
        await receiver.TakeAsync();

        await stop.CancelAsync();

        (await sending).Failure.ShouldBe(OtlpFailure.Shutdown);
    }

    internal static OtlpSignalSettings To(Receiver receiver, OtlpProtocol protocol) => new()
    {
        Endpoint = protocol == OtlpProtocol.Grpc ? receiver.Grpc : new Uri(receiver.Http, "/v1/metrics"),
        Protocol = protocol,
        Timeout = TimeSpan.FromSeconds(20),
    };

    private static async Task<OtlpResult> SendAsync(OtlpSignalSettings settings)
    {
        using var client = new OtlpClient(settings, "1.2.3", TimeProvider.System, AtOnce);
        return await client.SendAsync(Message, default);
    }

    /// <summary>google.rpc.Status { details = Any { RetryInfo { retry_delay } } }, as base64 without padding.</summary>
    private static string RetryInfo(long seconds, int nanoseconds = 0)
    {
        var delay = new Google.Protobuf.WellKnownTypes.Duration { Seconds = seconds, Nanos = nanoseconds };
        var any = new Google.Protobuf.WellKnownTypes.Any
        {
            TypeUrl = "type.googleapis.com/google.rpc.RetryInfo",
            Value = Field(1, delay.ToByteString()),
        };
        return Convert.ToBase64String(Field(3, any.ToByteString()).ToByteArray()).TrimEnd('=');

        static ByteString Field(int number, ByteString value)
        {
            var stream = new MemoryStream();
            using (var output = new CodedOutputStream(stream, leaveOpen: true))
            {
                output.WriteTag(number, WireFormat.WireType.LengthDelimited);
                output.WriteBytes(value);
            }
            return ByteString.CopyFrom(stream.ToArray());
        }
    }
}
