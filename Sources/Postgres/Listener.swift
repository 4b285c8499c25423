import CPostgres
import Threads

/// Hears what `Transaction.notify` says, on a connection and a thread of its own.
///
/// Notifications are lost while there is no connection, so they are a hint that something changed
/// and never the only record of it. `onReconnect` is where to look for what was missed.
package final class Listener: Sendable {
    /// The pause before connecting again after a first failure; each further one doubles it.
    private static let pauseMillisecondsMin: Int32 = 50
    private static let pauseMillisecondsMax: Int32 = 5000
    /// How often a silent connection is asked whether it is still there.
    private static let silenceMillisecondsMax: Int32 = 5_000
    /// How often, at most, it is said that everything until now was heard.
    private static let heardMillisecondsMin: Int64 = 1_000

    package typealias OnNotify = @Sendable (_ channel: String, _ payload: String) -> Void

    private let settings: ConnectionSettings
    private let channels: [String]
    private let onNotify: OnNotify
    private let onReconnect: @Sendable () -> Void
    private let onHeard: @Sendable () -> Void
    private let onLoss: @Sendable () -> Void
    private let stopping: Stopping

    /// - Parameters:
    ///   - onNotify: called on the listener's thread; whatever takes long belongs elsewhere.
    ///   - onReconnect: called each time listening begins, the first included: from then on
    ///     nothing is missed until the connection is lost.
    ///   - onHeard: called every few seconds, when everything was heard that was said before.
    ///   - onLoss: called when the connection is found to be lost.
    package static func start(
        _ settings: ConnectionSettings, channels: [String], onNotify: @escaping OnNotify,
        onReconnect: @escaping @Sendable () -> Void,
        onHeard: @escaping @Sendable () -> Void = {}, onLoss: @escaping @Sendable () -> Void = {}
    ) throws(DatabaseError) -> Listener {
        let listener = Listener(
            settings: settings, channels: channels, onNotify: onNotify, onReconnect: onReconnect,
            onHeard: onHeard, onLoss: onLoss, stopping: try Stopping())
        SystemThread.start("listener") { listener.run() }
        return listener
    }

    /// Ends the listening; a call that is on its way may still arrive.
    package func stop() {
        stopping.request()
    }

    private init(
        settings: ConnectionSettings, channels: [String], onNotify: @escaping OnNotify,
        onReconnect: @escaping @Sendable () -> Void, onHeard: @escaping @Sendable () -> Void,
        onLoss: @escaping @Sendable () -> Void, stopping: Stopping
    ) {
        self.settings = settings
        self.channels = channels
        self.onNotify = onNotify
        self.onReconnect = onReconnect
        self.onHeard = onHeard
        self.onLoss = onLoss
        self.stopping = stopping
    }

    // MARK: The thread

    private func run() {
        var pause = Self.pauseMillisecondsMin
        while !stopping.isRequested {
            if let link = open() {
                pause = Self.pauseMillisecondsMin
                onReconnect()
                onHeard()
                listen(on: link)
                onLoss()
            }
            stopping.wait(milliseconds: pause)
            pause = min(pause * 2, Self.pauseMillisecondsMax)
        }
    }

    /// A failure is met with the next attempt; nobody waits for an answer here.
    private func open() -> Link? {
        guard case .success(let link) = Result(catching: { try Link.open(settings) }) else {
            return nil
        }
        let commands = channels.map { "LISTEN \(SQL(identifier: $0).text)" }
        guard case .success = link.simple(commands.joined(separator: "; ")) else { return nil }
        return link
    }

    /// Returns when the connection is lost or the end was asked for.
    private func listen(on link: Link) {
        let clock = ContinuousClock()
        var heardAt = clock.now
        while true {
            while let (channel, payload) = link.nextNotification() { onNotify(channel, payload) }
            if heardAt.duration(to: clock.now) >= .milliseconds(Self.heardMillisecondsMin) {
                heardAt = clock.now
                onHeard()
            }
            let isSilent = !stopping.wait(
                forInputOn: link.socket, milliseconds: Self.silenceMillisecondsMax)
            if stopping.isRequested { return }
            if isSilent, case .failure = link.simple("SELECT 1") { return }
            guard link.isStillThere() else { return }
        }
    }
}

extension Link {
    /// A notification that has already come.
    fileprivate func nextNotification() -> (channel: String, payload: String)? {
        guard let raw = unsafe PQnotifies(handle) else { return nil }
        defer { unsafe PQfreemem(raw) }
        return unsafe (String(cString: raw.pointee.relname), String(cString: raw.pointee.extra))
    }
}
