import Testing

@testable import Cryptography

@Suite("Sealed fields")
struct SealingTests {
    let master = SecureRandom.bytes(32)
    let context = Array("users/1/phone".utf8)

    @Test func whatWasSealedOpens() throws {
        let key = SealingKey(master: master, purpose: "phone")
        let again = SealingKey(master: master, purpose: "phone")
        for count in [0, 1, 13, 1000] {
            let plain = SecureRandom.bytes(count)
            let sealed = key.seal(plain, context: context)
            #expect(sealed.count == count + 41 && sealed[0] == 1)
            #expect(try again.open(sealed, context: context) == plain)
            #expect(key.seal(plain, context: context) != sealed)
        }
    }

    @Test func anyChangeIsSeen() {
        let key = SealingKey(master: master, purpose: "phone")
        let sealed = key.seal(Array("+254700000001".utf8), context: context)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: index == 0 ? SealingError.unknownVersion : .damaged) {
                try key.open(changed, context: context)
            }
        }
        for count in 0..<sealed.count {
            #expect(throws: SealingError.self) {
                try key.open(Array(sealed.prefix(count)), context: context)
            }
        }
    }

    @Test func contextPurposeAndMasterBind() {
        let key = SealingKey(master: master, purpose: "phone")
        let sealed = key.seal([1, 2, 3], context: context)
        #expect(throws: SealingError.damaged) { try key.open(sealed, context: []) }
        for other in [
            SealingKey(master: master, purpose: "email"),
            SealingKey(master: SecureRandom.bytes(32), purpose: "phone"),
        ] {
            #expect(throws: SealingError.damaged) { try other.open(sealed, context: context) }
            #expect(other.blindIndex("a") != key.blindIndex("a"))
        }
    }

    @Test func blindIndexesAreStableAndDistinct() {
        let key = SealingKey(master: master, purpose: "phone")
        #expect(key.blindIndex("+254700000001") == key.blindIndex("+254700000001"))
        #expect(key.blindIndex("+254700000001") != key.blindIndex("+254700000002"))
        #expect(key.blindIndex("").count == 32)
    }

    @Test func secretsCompare() {
        let secret = Secret([1, 2, 3])
        #expect(secret.equals([1, 2, 3]) && !secret.equals([1, 2, 4]) && !secret.equals([1, 2]))
        #expect(Secret([]).equals([]) && !Secret([]).equals([0]))
    }
}
