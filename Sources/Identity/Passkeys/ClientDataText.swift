internal import Cryptography
internal import HTTP

extension ClientData {
    /// A challenge, an origin and a browser's few other words are a tenth of it.
    static let bytesMax = 4096

    /// Reads what a browser wrote: JSON in UTF-8 without anything around it.
    ///
    /// Members that are not known are passed over, as section 5.8.1.1 asks of everyone. That
    /// includes `tokenBinding`, which no browser fills any more.
    init(parsing bytes: [UInt8]) throws(WebAuthnError) {
        guard bytes.count <= Self.bytesMax else { throw .clientDataMalformed }
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { throw .clientDataMalformed }
        guard let type = json["type"]?.string, let origin = json["origin"]?.string,
            let challenge = json["challenge"]?.string.flatMap({ Base64URL.decode($0) })
        else { throw .clientDataMalformed }
        let cross = json["crossOrigin"]
        guard cross == nil || cross?.bool != nil else { throw .clientDataMalformed }
        self.init(
            type: type, challenge: challenge, origin: origin,
            isCrossOrigin: cross?.bool == true || json["topOrigin"] != nil,
            hash: Hash.sha256(bytes))
    }
}
