using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Pods.Tests.Lab;

/// <summary>Takes what is pushed over TLS at 127.0.0.1:4318 of a node, with a certificate that nobody knows.</summary>
internal sealed class TlsBackend : IDisposable
{
    private const string Server = """
        import http.server, ssl, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                print("push", flush=True)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 4318), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-tls-");
    private readonly Process _process;
    private int _received;

    public TlsBackend(ContainerNode node)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest(
            "CN=netlens test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.Now.AddDays(-1), DateTimeOffset.Now.AddDays(1));
        File.WriteAllText(Certificate, certificate.ExportCertificatePem());
        var keyFile = Path.Combine(_folder.FullName, "key.pem");
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        _process = Process.Start(node.StartInfo("python3", "-c", Server, Certificate, keyFile))!;
        _process.OutputDataReceived += (_, e) => Interlocked.Add(ref _received, e.Data is null ? 0 : 1);
        _process.ErrorDataReceived += static (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>What sends the agent of a container here, as options of ctr(8).</summary>
    public static string[] Variables { get; } =
    [
        "--env", "OTEL_EXPORTER_OTLP_ENDPOINT=https://127.0.0.1:4318",
        "--env", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "--env", "NETLENS_COLLECTION_INTERVAL=1s",
    ];

    public string Certificate => Path.Combine(_folder.FullName, "certificate.pem");

    /// <summary>How many pushes have come.</summary>
    public int Received => Volatile.Read(ref _received);

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }
}
