using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>Certificates of an authority of their own, as PEM files in a folder.</summary>
internal sealed class TestCertificate(string folder) : IDisposable
{
    private readonly ECDsa _authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private X509Certificate2? _authority;

    /// <summary>The server's certificate and the one between it and the authority.</summary>
    public string Certificate { get; } = Path.Combine(folder, "server.pem");

    public string Key { get; } = Path.Combine(folder, "server.key");

    /// <summary>The authority: what a client trusts.</summary>
    public string Authority { get; } = Path.Combine(folder, "ca.pem");

    /// <summary>Writes all three anew, for this machine.</summary>
    public TestCertificate Write(string name = "netlens test", int daysAgo = 1, int days = 2)
    {
        var begin = DateTimeOffset.UtcNow.AddDays(-daysAgo);
        var end = begin.AddDays(days);
        _authority = new CertificateRequest($"CN={name} root", _authorityKey, HashAlgorithmName.SHA256)
        {
            CertificateExtensions = { new X509BasicConstraintsExtension(true, true, 1, true) },
        }.CreateSelfSigned(begin.AddDays(-1), end.AddDays(100));
        using var middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var middle = Issue($"{name} between", middleKey, _authority, begin, end.AddDays(99), true)
            .CopyWithPrivateKey(middleKey);
        using var key = RSA.Create(2048);
        var own = Issue(name, key, middle, begin, end);
        // The key first: the agent looks once a second, and must meet a pair that does not fit without harm.
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(Certificate, own.ExportCertificatePem() + "\n" + middle.ExportCertificatePem() + "\n");
        File.WriteAllText(Authority, _authority.ExportCertificatePem());
        return this;
    }

    /// <summary>Writes the key so that it takes a passphrase.</summary>
    public void EncryptKey()
    {
        using var key = RSA.Create();
        key.ImportFromPem(File.ReadAllText(Key));
        File.WriteAllText(Key, key.ExportEncryptedPkcs8PrivateKeyPem("secret",
            new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)));
    }

    public (string Name, string Value)[] Variables =>
        [("NETLENS_HTTP_CERTIFICATE", Certificate), ("NETLENS_HTTP_KEY", Key)];

    public void Dispose()
    {
        _authorityKey.Dispose();
        _authority?.Dispose();
    }

    private static X509Certificate2 Issue(
        string name, AsymmetricAlgorithm key, X509Certificate2 issuer, DateTimeOffset begin, DateTimeOffset end,
        bool authority = false)
    {
        var request = key is RSA rsa
            ? new CertificateRequest($"CN={name}", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest($"CN={name}", (ECDsa)key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(authority, false, 0, true));
        if (!authority)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("localhost");
            names.AddIpAddress(System.Net.IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
        }
        return request.Create(issuer.SubjectName,
            X509SignatureGenerator.CreateForECDsa(issuer.GetECDsaPrivateKey()!), begin, end,
            RandomNumberGenerator.GetBytes(8));
    }
}
