import Cryptography
import HTTP
import Postgres
import TestSupport
import Testing

@Suite("A passkey's word for a device's key")
struct OfflineBindingTests {
    @Test func itIsCheckedAndKept() async throws {
        let domain = "wallet.example"
        let passkey = SoftPasskey(origin: "https://" + domain, domain: domain)
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(
            database: database, ["FLORIN_WEB_ORIGIN": "https://" + domain])
        let person = try await Person.signUp(server.api)
        try await person.addPasskey(passkey)
        let key = SigningKey.generate()
        let csr = try Device.csr(of: person, key)
        func bound(to bytes: [UInt8], by passkey: SoftPasskey) throws -> JSON {
            let challenge = JSON.string(Base64URL.encode(Hash.sha256(bytes)))
            let options: JSON = ["public_key": ["challenge": challenge]]
            return [
                "csr": csr["csr"] ?? nil, "currency": "KES",
                "webauthn": passkey.assertion(options),
            ]
        }
        let bytes = try #require(csr["csr"]?.string.flatMap { Base64URL.decode($0) })
        let other = try await person.refused(
            422, "passkey_invalid", .post, "/v1/offline/wallets",
            try bound(to: Array(bytes.dropLast()), by: passkey))
        #expect(other["reason"]?.string == "challenge_wrong")
        let stranger = SoftPasskey(origin: "https://" + domain, domain: domain)
        try await person.refused(
            401, "passkey_unknown", .post, "/v1/offline/wallets", try bound(to: bytes, by: stranger)
        )
        let enrolled = try await person.post(
            "/v1/offline/wallets", try bound(to: bytes, by: passkey))
        // A lost answer is asked for again.
        let again = try await person.post("/v1/offline/wallets", try bound(to: bytes, by: passkey))
        #expect(again["wallet"] == enrolled["wallet"])
        let kept: Int64 = try database.connection().query(
            "SELECT count(*) FROM offline.bindings WHERE length(client_data) > 50")[0][0]
        #expect(kept == 1)
    }
}
