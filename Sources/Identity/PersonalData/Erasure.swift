package import Postgres
package import Values

/// A person's wish to be forgotten. Until its day has come they may think better of it.
package struct Erasure: Sendable {
    package let id: ID<Erasure>
    let user: ID<User>
    package let askedAt: Timestamp
    package let dueAt: Timestamp
    /// When something stood in the way last, as money that came in meanwhile does.
    package let blockedAt: Timestamp?
}

package enum ErasureRules {
    /// Days between the wish and the deed, unless the operator says otherwise.
    package static let daysDefault: Int64 = 14
    package static let daysMax: Int64 = 90
    /// How long until the next try when something stands in the way.
    static let retrySeconds: Int64 = 86_400
    /// People erased in one look.
    static let atOnceMax: Int64 = 20
    static let daySeconds: Int64 = 86_400
}

/// What one slice has to do with the erasure of a person.
package struct ErasurePart: Sendable {
    package typealias InTransaction<Value> =
        @Sendable (ID<User>, borrowing Transaction) throws -> Value

    let obstacles: InTransaction<[Fact]>
    let erase: InTransaction<Void>
    let sweep: @Sendable (ID<User>) async throws -> Void

    /// - Parameters:
    ///   - obstacles: what stands in the way, as facts; none: nothing does.
    ///   - erase: what must happen in the transaction in which the person's key is destroyed.
    ///     Throws `erasureBlocked` when something stands in the way after all.
    ///   - sweep: what may take longer, afterwards. Done again from the start after a failure.
    package init(
        obstacles: @escaping InTransaction<[Fact]>, erase: @escaping InTransaction<Void>,
        sweep: @escaping @Sendable (ID<User>) async throws -> Void
    ) {
        self.obstacles = obstacles
        self.erase = erase
        self.sweep = sweep
    }
}
