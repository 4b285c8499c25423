import Testing

@testable import Cryptography

@Suite("Sealed fields")
struct SealingTests {
    let master = SecureRandom.bytes(32)
    let context = Array("users/1/phone".utf8)

    @Test func whatWasSealedOpens() throws {
        let key = KeyRing([master]).sealingKey("phone")
        let again = KeyRing([master]).sealingKey("phone")
        for count in [0, 1, 13, 1000] {
            let plain = SecureRandom.bytes(count)
            let sealed = key.seal(plain, context: context)
            #expect(sealed.count == count + SealingKey.overheadBytes && sealed[0] == 2)
            #expect(try again.open(sealed, context: context) == plain)
            #expect(key.seal(plain, context: context) != sealed)
        }
    }

    @Test func anyChangeIsSeen() {
        let key = KeyRing([master]).sealingKey("phone")
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
        let key = KeyRing([master]).sealingKey("phone")
        let sealed = key.seal([1, 2, 3], context: context)
        #expect(throws: SealingError.damaged) { try key.open(sealed, context: []) }
        for other in [
            KeyRing([master]).sealingKey("email"),
            KeyRing([SecureRandom.bytes(32)]).sealingKey("phone"),
        ] {
            #expect(throws: SealingError.damaged) { try other.open(sealed, context: context) }
            #expect(other.blindIndex("a") != key.blindIndex("a"))
        }
    }

    @Test func aRingSealsWithItsFirstKeyAndOpensWithAll() throws {
        let (old, new) = (SecureRandom.bytes(32), SecureRandom.bytes(32))
        let before = KeyRing([old]).sealingKey("phone")
        let between = KeyRing([new, old])
        let after = KeyRing([new]).sealingKey("phone")
        let key = between.sealingKey("phone")
        let sealed = before.seal([1, 2, 3], context: context)
        #expect(try key.open(sealed, context: context) == [1, 2, 3])
        #expect(sealed.starts(with: before.head) && !sealed.starts(with: key.head))
        #expect(throws: SealingError.damaged) { try after.open(sealed, context: context) }
        let anew = key.seal([1, 2, 3], context: context)
        #expect(try after.open(anew, context: context) == [1, 2, 3])
        #expect(anew.starts(with: after.head) && between.name == between.current.name)
        #expect(key.blindIndexes("a") == [after.blindIndex("a"), before.blindIndex("a")])
    }

    /// As values were sealed before they named their key.
    @Test func aValueThatNamesNoKeyIsTriedWithEach() throws {
        let (old, new) = (SecureRandom.bytes(32), SecureRandom.bytes(32))
        let secret = Secret(KeyRing.subkey(of: old, "florin seal 1 phone"))
        let sealed = [1] + Sealing.seal([1, 2, 3], secret, context: context)
        let key = KeyRing([new, old]).sealingKey("phone")
        #expect(try key.open(sealed, context: context) == [1, 2, 3])
        #expect(throws: SealingError.damaged) {
            try KeyRing([new]).sealingKey("phone").open(sealed, context: context)
        }
    }

    @Test func aDataKeyOpensItsOwnInItsPlace() throws {
        let (key, bytes) = DataKey.generate()
        let sealed = key.seal([1, 2, 3], context: "phone")
        #expect(sealed.count == 3 + DataKey.overheadBytes)
        #expect(try DataKey(bytes: bytes).open(sealed, context: "phone") == [1, 2, 3])
        #expect(throws: SealingError.damaged) { try key.open(sealed, context: "email") }
        #expect(throws: SealingError.damaged) {
            try DataKey.generate().key.open(sealed, context: "phone")
        }
        #expect(throws: SealingError.damaged) { try key.open([], context: "phone") }
        #expect(throws: SealingError.unknownVersion) { try key.open([9], context: "phone") }
        #expect(throws: SealingError.damaged) { try DataKey(bytes: [1]) }
    }

    @Test func blindIndexesAreStableAndDistinct() {
        let key = KeyRing([master]).sealingKey("phone")
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
