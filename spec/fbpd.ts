// Generated from fbpd.yaml by openapi-typescript. Change that, then: npm run generate

export interface paths {
    "/v1/pins/{requestid}/deals": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestid: string;
            };
            cookie?: never;
        };
        /**
         * The cold copies of a pin
         * @description Takes a token with the scope `pins:read`. Deals are about pieces, which small contents share, so one deal may keep many pins. Somebody else's pin is a 404.
         */
        get: operations["getPinDeals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/pins/{requestid}/receipt": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestid: string;
            };
            cookie?: never;
        };
        /**
         * Proof that a pin's content is in its deals
         * @description Takes a token with the scope `pins:read`. Whoever has the receipt can check it, with no network, by `fbpd receipts verify` or by the rules in the README. It shows the root block of the content, and of what lies beside it in the piece up to 126 bytes that are the content's own or nobody's. 409 says why there is nothing to prove yet, or nothing to prove it with; 503 that a later request may have it: the proof is being made, the block is being fetched back, or the chain cannot be read. Deals whose signed proposal cannot be had at present are left out. Somebody else's pin is a 404.
         */
        get: operations["getPinReceipt"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/links": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A link that a browser can open
         * @description Takes a token with the scope `retrieve`. Whoever has the link can read the content and all below it, in every format, from the gateway, until it expires; it is dead before when no pin of the account names the content any more, or the account is suspended. What is read counts for the account.
         */
        post: operations["createLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/pieces/{deal}/{bytes}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the deal, as it is here */
                deal: string;
                /** @description How much is served, at least the size of the CAR; what is more are zeros behind it */
                bytes: number;
            };
            cookie?: never;
        };
        /**
         * The CAR of a deal's piece, for the provider of the deal
         * @description Takes the token that was sent with the deal, which is of this deal and size, the same each time, and good until the deal has started or is over, whatever restarts come between; no other token opens it. The bytes are the same each time, and as many as `Content-Length` says. One range is served, an end past the end being taken for the end; with several, or none that can be understood, all of it comes. What breaks off before its end ends in a reset of the connection, and may be taken up anywhere. `HEAD` has the length whether or not the bytes are at hand. Eight replies of one deal run at once; a further one ends the oldest.
         */
        get: operations["getPiece"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Upload a content and pin it
         * @description For clients without an IPFS node. Takes a token with the scope `pins:write`, and a CAR of version 1 or 2 with one root and all blocks of the DAG below it, in any order; blocks of other DAGs are counted and let go. Each block is hashed as it comes. The limits are those of pins, and no block may have more than 2 MiB. Nothing is kept of an upload that breaks off: it is sent again from the beginning. One that stands still while unpinned blocks are to be deleted is ended with a 408 after some seconds, and all are ended with a 507 when there is no room any more.
         */
        post: operations["uploadCar"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What was read on account of one's own account
         * @description Takes a token with the scope `account:read`. Bytes are those written to readers' connections, whether they wanted them all or not. A response is counted on the day it ends, and a long one's bytes as it goes.
         */
        get: operations["getUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the daemon is */
        get: operations["getStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All accounts, by name */
        get: operations["listAccounts"];
        put?: never;
        /** Add an account */
        post: operations["addAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts/{account}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        /** One account and what it holds */
        get: operations["getAccount"];
        put?: never;
        post?: never;
        /**
         * End an account with its pins and tokens
         * @description From the first moment it refuses everything. The reply comes when all of it is gone, which takes a while for many pins; should the daemon end before that, it goes on when it is started again.
         */
        delete: operations["deleteAccount"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts/{account}/usage": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        /**
         * What was read on account of an account
         * @description As `/v1/usage`. What everybody may read without a token is counted on `public`.
         */
        get: operations["getAccountUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts/{account}/suspend": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Refuse everything an account asks
         * @description Its pins stay as they are, and its tokens work again when it is no longer suspended.
         */
        post: operations["suspendAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/accounts/{account}/unsuspend": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let an account ask again */
        post: operations["unsuspendAccount"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tokens, oldest first */
        get: operations["listTokens"];
        put?: never;
        /** Make a token */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/tokens/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id */
                token: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Take a token back, at once */
        delete: operations["revokeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/links": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A link to what an account has pinned */
        post: operations["createAccountLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Pins, newest first
         * @description Of one account, or of all. Filters combine with AND; without a status, all statuses are listed.
         */
        get: operations["listPins"];
        put?: never;
        /** Pin for an account */
        post: operations["addPin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        /** One pin, and what is known of its content */
        get: operations["getPin"];
        put?: never;
        post?: never;
        /** Remove a pin */
        delete: operations["removePin"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Fetch the content of a failed or waiting pin anew */
        post: operations["retryPin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}/log": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        /** What happened to a pin's content, oldest first */
        get: operations["getPinLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}/explain": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        /** All that is known of a pin's copies, hot and cold, and what happens next */
        get: operations["explainPin"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/pins/{requestId}/receipt": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        /**
         * Proof that a pin's content is in its deals
         * @description As `/v1/pins/{requestid}/receipt`.
         */
        get: operations["exportReceipt"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/deals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Deals
         * @description Filters combine with AND. A page may have fewer than `limit` deals, even none, when many were passed over; it is the last one when it has no `next`.
         */
        get: operations["listDeals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/deals/{deal}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id */
                deal: string;
            };
            cookie?: never;
        };
        /** One deal with its history and evidence */
        get: operations["getDeal"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What would be done next, and what it would cost
         * @description Nothing is done by asking.
         */
        get: operations["getPlan"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/providers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The storage providers that deals are made with, or were */
        get: operations["listProviders"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/providers/scan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Look for storage providers on the chain
         * @description All that have power are looked at whose announced addresses may be dialled, and asked for their ask. Who tells one is kept as a candidate; nobody is given deals before being trusted. Results come as they are made, one JSON object a line; the last one says `done`. It ends when the connection does, and the next one goes on there. 409 while another one is under way.
         */
        post: operations["scanProviders"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/providers/{provider}/ask": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask chain and provider now */
        post: operations["askProvider"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/providers/{provider}/trust": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make deals with a provider, beside those that the config names */
        post: operations["trustProvider"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/providers/{provider}/untrust": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make no new deals with it
         * @description Those there are go on, and are replaced elsewhere when they end. 409 when the config names it.
         */
        post: operations["untrustProvider"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/providers/{provider}/suspend": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make no new deals with a provider
         * @description Those there are go on, and are replaced elsewhere when they end.
         */
        post: operations["suspendProvider"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/providers/{provider}/unsuspend": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make deals with it again
         * @description Whoever stopped that, the operator or a streak of failures.
         */
        post: operations["unsuspendProvider"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/wallet": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The wallet that pays, its escrow with the market, and the book of it */
        get: operations["getWallet"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/freeze": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Spend nothing until told otherwise
         * @description No deal is begun; those there are go on being verified, and bytes go on being served.
         */
        put: operations["freeze"];
        post?: never;
        /**
         * Spend again
         * @description Whoever stopped it; 404 when nothing is stopped.
         */
        delete: operations["unfreeze"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/blocks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Blocked contents */
        get: operations["listBlocks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/blocks/{cid}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description In any version and multibase */
                cid: string;
            };
            cookie?: never;
        };
        get?: never;
        /**
         * Take a content down
         * @description Pins of it fail, its hot copy goes, and new pins of it are refused.
         */
        put: operations["blockContent"];
        post?: never;
        /**
         * Allow pins of a content again
         * @description Pins that failed stay failed until they are retried.
         */
        delete: operations["unblockContent"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add files and pin them
         * @description Takes the form that kubo's `/api/v0/add` takes. They become UnixFS as CIDv1 with raw leaves of 1 MiB and 1024 links a node; the outermost file or directory is pinned. The reply goes while the request comes, one JSON object a line: the last one has either `cid` and `pin`, or `error`.
         */
        post: operations["uploadFiles"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/content/{cid}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                cid: string;
            };
            cookie?: never;
        };
        /**
         * Read what is pinned
         * @description A file or directory of a pinned content, as a tar archive of which the outermost entry is that file or directory. A failure after the first byte breaks the connection; `/admin/readings/{reading}` says why.
         */
        get: operations["readContent"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/readings/{reading}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                reading: string;
            };
            cookie?: never;
        };
        /**
         * Why a reply broke off
         * @description Of what was read from `/admin/content` and broke off lately; a 404 of anything else.
         */
        get: operations["getReadingFailure"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Read and verify every record of the store
         * @description While the daemon goes on working. Progress comes as it is made, one JSON object a line; the last one says `done`.
         */
        post: operations["checkStore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/drill": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the last restore drill found */
        get: operations["getDrill"];
        put?: never;
        /**
         * Restore contents from their cold copies, to see that it can be done
         * @description Each content is fetched from every provider that has an active deal about it, into a file that is removed, as if nothing else were left of it; each block is hashed, and the DAG followed to its last link. Nothing is paid for that: who asks for money is passed over. What came of it is taken down with the deals. Results come as they are made, one JSON object a line; the last one says `done`. It ends when the connection does. 409 while another drill is under way.
         */
        post: operations["drill"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/reconcile/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which; an unknown name is answered with all there are */
                name: string;
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Run one of the daemon's loops now */
        post: operations["reconcile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Failure: {
            error: {
                /** @description UPPER_SNAKE, stable */
                reason: string;
                details?: string;
            };
        };
        /** @enum {string} */
        PinStatus: "queued" | "pinning" | "pinned" | "failed";
        PinCounts: {
            queued: number;
            pinning: number;
            pinned: number;
            failed: number;
        };
        NewAccount: {
            name: string;
        };
        Account: {
            id: string;
            name: string;
            /** @enum {string} */
            state: "active" | "suspended" | "deleting";
            /** Format: date-time */
            created: string;
            pins: components["schemas"]["PinCounts"];
            /** @description How many it has, expired ones too */
            tokens: number;
        };
        /** @description As 2026-01-31, in UTC */
        Day: string;
        Served: {
            /** @description From the hot copy */
            hotBytes: number;
            /** @description Fetched from the public IPFS network for the reader */
            networkBytes: number;
            /** @description Fetched from storage providers for the reader */
            coldBytes: number;
            /** @description That ended */
            responses: number;
        };
        ServedDay: {
            day: components["schemas"]["Day"];
            served: components["schemas"]["Served"];
        };
        /** @description What is kept now, whichever days were asked for */
        Stored: {
            pins: components["schemas"]["PinCounts"];
        };
        Usage: {
            from: components["schemas"]["Day"];
            to: components["schemas"]["Day"];
            served: components["schemas"]["Served"];
            days: components["schemas"]["ServedDay"][];
            stored: components["schemas"]["Stored"];
        };
        AccountUsage: {
            /** @description Its name */
            account: string;
            accountId: string;
            from: components["schemas"]["Day"];
            to: components["schemas"]["Day"];
            served: components["schemas"]["Served"];
            days: components["schemas"]["ServedDay"][];
            stored: components["schemas"]["Stored"];
            /** @description Those with most bytes first. Contents are known for an account's newest 400 days with reads, 100000 of each day; what else there was is only in the sums */
            contents: components["schemas"]["ServedContent"][];
            /** @description False when there were too many records to look at, and older days are left out */
            contentsWhole: boolean;
        };
        ServedContent: {
            cid: string;
            served: components["schemas"]["Served"];
        };
        Deletion: {
            id: string;
            name: string;
            /** @description How many were removed */
            pins: number;
            /** @description How many were removed */
            tokens: number;
        };
        /** @enum {string} */
        Scope: "pins:read" | "pins:write" | "retrieve" | "account:read" | "metrics:read";
        NewToken: {
            /** @description Id or name */
            account: string;
            /**
             * @description What it is for
             * @default default
             */
            name: string;
            /**
             * @default [
             *       "pins:read",
             *       "pins:write"
             *     ]
             */
            scopes: components["schemas"]["Scope"][];
            expiresInSeconds?: number;
        };
        Token: {
            id: string;
            /** @description The account's name */
            account: string;
            accountId: string;
            name: string;
            scopes: components["schemas"]["Scope"][];
            /** Format: date-time */
            created: string;
            /** Format: date-time */
            expires?: string;
            expired: boolean;
        };
        /**
         * @description 30 days at most
         * @default 86400
         */
        LinkDuration: number;
        NewLink: {
            /** @description Of a content that a pin of the account names */
            cid: string;
            /** @description Of a file or directory below it, not percent-encoded */
            path?: string;
            expiresInSeconds?: components["schemas"]["LinkDuration"];
        };
        NewAccountLink: {
            /** @description Id or name */
            account: string;
            cid: string;
            path?: string;
            expiresInSeconds?: components["schemas"]["LinkDuration"];
        };
        Link: {
            url: string;
            /** Format: date-time */
            expires: string;
        };
        NewPin: {
            /** @description Id or name */
            account: string;
            cid: string;
            name?: string;
            origins?: string[];
            meta?: {
                [key: string]: string;
            };
        };
        Upload: {
            /** @description The root */
            cid: string;
            /** @description Of all distinct blocks that came */
            bytes: number;
            /** @description How many they were */
            blocks: number;
            pin: components["schemas"]["UploadedPin"];
        };
        /** @description A pin as the pinning API shows it */
        UploadedPin: {
            requestid: string;
            status: components["schemas"]["PinStatus"];
            /** Format: date-time */
            created: string;
            pin: {
                cid: string;
                name?: string;
                meta?: {
                    [key: string]: string;
                };
            };
            delegates: string[];
            info?: {
                [key: string]: string;
            };
        };
        /** @description How far an upload is, or how it ended */
        UploadLine: {
            /** @description Of the form */
            bytes: number;
            /** @description Of what is pinned */
            cid?: string;
            pin?: components["schemas"]["Pin"];
            error?: {
                reason: string;
                details?: string;
            };
        };
        Reason: {
            code: string;
            text: string;
        };
        Pin: {
            requestId: string;
            /** @description The account's name */
            account: string;
            accountId: string;
            /** @description As it was submitted */
            cid: string;
            name?: string;
            meta?: {
                [key: string]: string;
            };
            status: components["schemas"]["PinStatus"];
            /**
             * @description Where a pinned content is: with a hot copy, or as cold ones alone
             * @enum {string}
             */
            tier?: "hot" | "cold";
            /** Format: date-time */
            created: string;
            reason?: components["schemas"]["Reason"];
            content?: components["schemas"]["Content"];
        };
        /** @description What is known of a CID on this machine, whoever pins it */
        Content: {
            /** @description CIDv1 in base32 */
            cid: string;
            /** @description How many name it */
            pins: number;
            /** @enum {string} */
            hot: "wanted" | "pinned" | "cold" | "failed" | "releasing";
            /** @enum {string} */
            owner?: "none" | "ours" | "foreign";
            sizeBytes?: number;
            blocks?: number;
            /** @description Fetches that ended without success */
            attempts: number;
            /**
             * Format: date-time
             * @description Not fetched before
             */
            nextAttempt?: string;
            /** @description Of the fetch under way */
            progress?: {
                blocks: number;
                bytes: number;
            };
        };
        PinEvent: {
            /** Format: date-time */
            at: string;
            /** @enum {string} */
            event: "accepted" | "fetching" | "waiting" | "pinned" | "failed" | "retried" | "vanished" | "evicted" | "blocked";
            text: string;
        };
        /** @description attoFIL */
        Atto: string;
        /** @enum {string} */
        DealState: "intended" | "proposed" | "accepted" | "published" | "active" | "expired" | "rejected" | "failed" | "missed" | "lost";
        /**
         * @description Why it is made
         * @enum {string}
         */
        DealReason: "missing" | "expiring" | "lost";
        DealEvent: {
            state: components["schemas"]["DealState"];
            /** Format: date-time */
            at: string;
            epoch: number;
            reason: string;
        };
        Replicas: {
            /** @description Fewer than this is urgent */
            min: number;
            /** @description Deals are made until there are so many */
            target: number;
            /** @description Of which the chain says that they are in a sector; deals with one provider, as while one is renewed, are one copy */
            active: number;
            /** @description On their way, those included of which it is not known whether they were made */
            pending: number;
        };
        /** @description Bytes are base64, CIDs are text as IPFS has it, epochs, offsets and sizes are numbers. What is under `claims` does not follow from the receipt itself: it takes the chain to tell. It proves the root block of the content, not the blocks below it. How to check it is in the README, "Receipts". */
        Receipt: {
            /** @enum {string} */
            format: "fbpd-receipt/1";
            /** @description For people: what it proves, and what not */
            about: string;
            /** @description The content, as CID of version 1 in base32 */
            cid: string;
            /** Format: date-time */
            made: string;
            claims: {
                /** @description As its nodes call it; mainnet's name is testnetnet */
                network: string;
                genesisCid: string;
            };
            pieces: components["schemas"]["ReceiptPiece"][];
            /** @description SHA-256, in hex, of the receipt without it, as canonical JSON: the keys of each object sorted, nothing between the tokens. It shows damage; whoever changes a receipt on purpose can make another. */
            digest: string;
        };
        /** @description The place of the content's root block in one piece, and the deals about that piece */
        ReceiptPiece: {
            /** @description Version 1, `baga…` */
            pieceCid: string;
            /** @description Padded: 128 × 2^h bytes. The proposals say the same */
            pieceSize: number;
            /** @description Of the CAR, which is what the piece holds before padding: the length of CID and block as an unsigned varint, the CID (with the codec raw where the piece is a part of the content), the block. */
            section: {
                offset: number;
                length: number;
            };
            /** @description The bytes of the piece, before padding, from 127 × ⌊offset / 127⌋ to 127 × ⌈(offset + length) / 127⌉; behind the end of the CAR they are zeros */
            window: string;
            /** @description Nodes of 32 bytes of the piece's tree beside the way from the window's quads (127 bytes) to the root: from quads upwards, at each height the left one before the right one, each only where the other child of its parent is known and it is not */
            proof: string[];
            claims: {
                /** @description Root of the CAR: the content itself when it is alone in the piece */
                carRoot: string;
                carSize: number;
                part?: components["schemas"]["Part"];
            };
            deals: components["schemas"]["ReceiptDeal"][];
        };
        ReceiptDeal: {
            /** @description The CBOR of the deal proposal */
            proposal: string;
            /** @description One byte for its kind, 1 secp256k1, 2 BLS, then the signature */
            signature: string;
            proposalCids: {
                /** @description dag-cbor, blake2b-256, of `proposal` */
                unsigned: string;
                /** @description The same with the claimed `clientId` in place of the client */
                normalized: string;
                /** @description dag-cbor, sha2-256, of `[proposal, signature]` */
                signed: string;
            };
            claims: {
                /** @description ID address of the client */
                clientId: string;
                /** @description Its number on the chain */
                dealId: number;
                sectorStartEpoch: number;
                /** @description The message that published it; absent when it could not be found */
                publishCid?: string;
                /** @description When the finalized chain was last seen to have the deal in a sector */
                lastVerified: {
                    epoch: number;
                    /** Format: date-time */
                    at: string;
                    /** @description CIDs of the blocks of the tip set at that epoch, or next below it; none when an older version looked */
                    tipSet: string[];
                };
                /**
                 * Format: date-time
                 * @description When the provider last gave the bytes back
                 */
                lastRetrieved?: string;
            };
        };
        PinDeals: {
            replicas: components["schemas"]["Replicas"];
            next?: components["schemas"]["Reason"];
            /** @description Of the active deals */
            soonestEndEpoch?: number;
            /** Format: date-time */
            soonestEnd?: string;
            deals: components["schemas"]["PinDeal"][];
        };
        /** @description Which part of a content that is too large for one piece; absent where all of it lies in one */
        Part: {
            number: number;
            of: number;
        };
        PinDeal: {
            id: string;
            provider: string;
            country?: string;
            state: components["schemas"]["DealState"];
            reason: components["schemas"]["DealReason"];
            /**
             * @description It is not known whether it was made; the chain will tell
             * @enum {string}
             */
            outcome?: "unknown";
            pieceCid?: string;
            part?: components["schemas"]["Part"];
            /** @description Its number on the chain */
            dealId?: number;
            proposalCid: string;
            startEpoch: number;
            /** Format: date-time */
            start?: string;
            endEpoch: number;
            /** Format: date-time */
            end?: string;
            pricePerEpoch: components["schemas"]["Atto"];
            /**
             * Format: date-time
             * @description When the finalized chain was last seen to have it
             */
            lastVerified?: string;
            /**
             * Format: date-time
             * @description When its bytes were last fetched back and found right
             */
            lastRetrieved?: string;
            /** @description Oldest first */
            history: components["schemas"]["DealEvent"][];
        };
        /** @description A deal as the operator sees it */
        Deal: {
            id: string;
            /** @description Id of its piece */
            piece: string;
            pieceCid?: string;
            provider: string;
            country?: string;
            maker: string;
            state: components["schemas"]["DealState"];
            reason: components["schemas"]["DealReason"];
            /** @enum {string} */
            outcome?: "unknown";
            /** @description Id of the deal that it replaces */
            replaces?: string;
            /** Format: date-time */
            created: string;
            dealId?: number;
            proposalCid: string;
            publishCid?: string;
            startEpoch: number;
            /** Format: date-time */
            start?: string;
            endEpoch: number;
            /** Format: date-time */
            end?: string;
            pricePerEpoch: components["schemas"]["Atto"];
            clientCollateral: components["schemas"]["Atto"];
            providerCollateral: components["schemas"]["Atto"];
            verified: boolean;
            cost: components["schemas"]["Atto"];
            /** @description The day, counted from the first epoch, that it was booked on */
            budgetDay: number;
            /** @description How often sending it was begun */
            sends: number;
            /** @description What maker or provider said last */
            said?: string;
            /** @description The chain was first seen without it then */
            suspectSinceEpoch?: number;
            failureDomain: {
                owner: string;
                worker: string;
                beneficiary: string;
                peerId?: string;
                hosts: string[];
            };
            /** @description The finalized chain had it in a sector */
            activeEvidence?: {
                dealId: number;
                sectorStartEpoch: number;
                seenEpoch: number;
                /** Format: date-time */
                at: string;
            };
            /** @description The provider gave the bytes back, and they were right */
            retrievalEvidence?: {
                bytes: number;
                tookMs: number;
                firstByteMs: number;
                seenEpoch: number;
                /** Format: date-time */
                at: string;
            };
            retrievalFailure?: {
                /** Format: date-time */
                at: string;
                epoch: number;
                text: string;
            };
            /** @description When it is looked at again */
            dueEpoch?: number;
            /** @description Oldest first */
            history: components["schemas"]["DealEvent"][];
        };
        Piece: {
            id: string;
            policy: string;
            /** @enum {string} */
            state: "sealed" | "built" | "retired";
            /** Format: date-time */
            created: string;
            /** @description How many share it */
            contents: number;
            /** @description How many of them nobody pins any more */
            gone: number;
            /** @description Of its contents together */
            bytes: number;
            part?: components["schemas"]["Part"];
            rootCid?: string;
            pieceCid?: string;
            carBytes?: number;
            /** @description With padding */
            pieceBytes?: number;
            /** @description In a row */
            buildFailures?: number;
            replicas: components["schemas"]["Replicas"];
            soonestEndEpoch?: number;
            /** Format: date-time */
            soonestEnd?: string;
            next: components["schemas"]["Reason"];
            /** @description When it is looked at again, and by which loop */
            due?: {
                /** @enum {string} */
                queue: "create" | "renew";
                epoch: number;
                /** Format: date-time */
                at?: string;
            };
            deals: components["schemas"]["Deal"][];
        };
        Explanation: {
            pin: components["schemas"]["Pin"];
            /** @description Of a queued pin, why nothing is fetched into the hot tier at present */
            hotHeld?: components["schemas"]["Reason"];
            /** @description Why it is hot or cold, and what became of fetching it back */
            tier?: {
                why?: components["schemas"]["Reason"];
                read?: {
                    /** @description Since this is counted */
                    times: number;
                    /** Format: date-time */
                    last: string;
                };
                /** @description The last sources that were asked, oldest first */
                retrievals: {
                    /** Format: date-time */
                    at: string;
                    /** @description A provider, `network`, or the peer id or host of a third party (or of the router that should have named one) */
                    from: string;
                    deal?: string;
                    /** @enum {string} */
                    result: "done" | "superseded" | "refused" | "unreachable" | "stalled" | "wrong_bytes" | "endless" | "incomplete";
                    text: string;
                    /** @description That were missing and came from there */
                    bytes: number;
                    tookMs: number;
                    firstByteMs?: number;
                }[];
            };
            /** @description `none` when no deals are made */
            maker: string;
            held?: components["schemas"]["Reason"];
            headEpoch?: number;
            /** @description The content waits for a piece */
            waiting?: {
                policy: string;
                /** Format: date-time */
                since: string;
                /**
                 * Format: date-time
                 * @description When its piece is closed at the latest, unless there is a reason against it
                 */
                until: string;
                reason?: components["schemas"]["Reason"];
            };
            pieces: components["schemas"]["Piece"][];
        };
        Plan: {
            /** @description Contents that no piece has yet, by policy */
            waiting: {
                policy: string;
                /** @description That wait for enough to share a piece */
                contents: number;
                /** @description Of them together */
                bytes: number;
                /**
                 * Format: date-time
                 * @description When their piece is closed at the latest
                 */
                closed?: string;
                /** @description With so many together, it is closed at once */
                enoughBytes?: number;
                /** @description That cannot join one as things are, such as those that cannot be cut */
                unfit: number;
            }[];
            held?: components["schemas"]["Reason"];
            budget: components["schemas"]["Budget"];
            cost: components["schemas"]["Atto"];
            /** @description There are further steps */
            more: boolean;
            steps: components["schemas"]["PlannedStep"][];
        };
        PlannedStep: {
            /** @description Its id */
            piece: string;
            contents: number;
            /** @description CIDs of the first few contents */
            sample: string[];
            /** @enum {string} */
            kind: "propose" | "build" | "wait";
            reason: components["schemas"]["Reason"];
            provider?: string;
            country?: string;
            owner?: string;
            cost?: components["schemas"]["Atto"];
            startEpoch?: number;
            /** Format: date-time */
            start?: string;
            endEpoch?: number;
            /** Format: date-time */
            end?: string;
        };
        Budget: {
            /** @description Counted from the first epoch */
            day: number;
            perDay: components["schemas"]["Atto"];
            committed: components["schemas"]["Atto"];
        };
        Provider: {
            id: string;
            /** @description Whether the config names it or the operator has said so */
            trusted: boolean;
            country?: string;
            /**
             * @description Who says so
             * @enum {string}
             */
            countryFrom?: "config" | "address";
            /** @description Why there is no country, where its addresses were looked at */
            countryUnknown?: string;
            suspended?: {
                text: string;
                /** Format: date-time */
                at: string;
            };
            setAside?: components["schemas"]["SetAside"];
            chain?: {
                owner: string;
                worker: string;
                beneficiary: string;
                peerId?: string;
                hosts: string[];
                sectorBytes: number;
            };
            ask?: components["schemas"]["Ask"];
            refreshedEpoch?: number;
            /** Format: date-time */
            refreshed?: string;
            /** @description It takes deals from clients only that it knows: the address to tell its operator. Costs no score */
            introduce?: string;
            /** @description Why it could not be read the last time */
            unreachable?: string;
            /** @description Not asked for a deal before, because of what it did */
            notBeforeEpoch?: number;
            /** Format: date-time */
            notBefore?: string;
            failuresInRow: number;
            score: number;
            scoreReasons: string[];
            liveDeals: number;
            /** @description Oldest first */
            events: {
                /** @enum {string} */
                kind: "accepted" | "active" | "verified" | "refused" | "missed" | "lost" | "retrieval_failed" | "unreachable" | "not_allowed";
                /** Format: date-time */
                at: string;
                epoch: number;
                text: string;
            }[];
        };
        /** @description Prices are per GiB of piece and epoch */
        Ask: {
            price: components["schemas"]["Atto"];
            verifiedPrice: components["schemas"]["Atto"];
            minPieceBytes: number;
            maxPieceBytes: number;
            expiryEpoch: number;
        };
        /** @description Who is wanted; all that are found are kept */
        NewScan: {
            country?: string;
            /** @description Per GiB of piece and epoch */
            maxPrice?: components["schemas"]["Atto"];
            /** @description It takes pieces of this size */
            pieceBytes?: number;
            /** @description The scan ends when so many are found */
            limit?: number;
        };
        ScanLine: {
            done: boolean;
            tally?: components["schemas"]["ScanTally"];
            found?: components["schemas"]["ScanFound"];
            report?: components["schemas"]["Scan"];
            /** @description On the last line instead of a report, why it broke off */
            error?: string;
        };
        Scan: {
            tally: components["schemas"]["ScanTally"];
            /** @description False when it was stopped, or had found enough: the next one goes on there */
            complete: boolean;
            /** @description Those that were wanted, of this scan and of those before that are not old */
            found: components["schemas"]["ScanFound"][];
            /** @description Why it stopped */
            error?: string;
        };
        ScanTally: {
            /** @description On the chain */
            miners: number;
            /** @description By this scan and those that it goes on from */
            looked: number;
            /** @description Of these and the next ones */
            powered: number;
            /** @description Announce no address */
            nowhere: number;
            /** @description Announce only addresses that may not be dialled */
            hidden: number;
            silent: number;
            /** @description Tell an ask that cannot be */
            unusable: number;
            answered: number;
        };
        ScanFound: {
            id: string;
            owner: string;
            country?: string;
            /** @enum {string} */
            countryFrom?: "config" | "address";
            countryUnknown?: string;
            sectorBytes: number;
            ask: components["schemas"]["Ask"];
            /** @description By what it answered: `https`, `http`, `libp2p`, or `lotus` where the node asks */
            over: string;
            tookMs: number;
            readEpoch: number;
            trusted: boolean;
        };
        /** @description Given no deals for a while after a streak of failures; then its ask is read and one deal is tried */
        SetAside: {
            /**
             * @description What it failed at
             * @enum {string}
             */
            duty: "answer" | "take" | "keep" | "give_back";
            text: string;
            sinceEpoch: number;
            untilEpoch: number;
            /** Format: date-time */
            until?: string;
            /** @description When it was given a deal as a trial */
            triedEpoch?: number;
        };
        NewNote: {
            /**
             * @description Why, for whoever asks later
             * @default
             */
            text: string;
        };
        /** @description Why nothing is spent until the operator says so */
        Breaker: {
            /** @enum {string} */
            by: "operator" | "fbpd";
            /** @enum {string} */
            code: "frozen" | "losses" | "ledger" | "store_older" | "spend_log";
            text: string;
            /** Format: date-time */
            at: string;
        };
        /** @description How the escrow stands: `escrow`, `locked` and `free` at the head of the chain, all in the last look at it; the rest by the last pass over it */
        EscrowStanding: {
            state: components["schemas"]["Reason"];
            /** @description What should be known before deals have to wait for it */
            warnings: components["schemas"]["Reason"][];
            escrow: components["schemas"]["Atto"];
            locked: components["schemas"]["Atto"];
            free: components["schemas"]["Atto"];
            level: components["schemas"]["Atto"];
            /** @description How long wallet and escrow last at the pace of the last week; absent when nothing was promised in it */
            runwayDays?: number;
            /** @description Bytes of verified deals that may still be made; absent when the wallet is no verified client, or it is not known */
            datacapBytes?: string;
        };
        /** @description Of the book, about the time up to a finalized epoch */
        EscrowLine: {
            number: number;
            /**
             * @description `opening`: there when the book was begun; `added`: by fbpd; `gift`: by somebody else; `paid`: to providers; `withdrawn`: by somebody else; `gas`: out of the wallet, for messages of fbpd; `freed`: no longer locked, as deals that missed their start were settled
             * @enum {string}
             */
            kind: "opening" | "added" | "gift" | "paid" | "withdrawn" | "gas" | "freed";
            amount: components["schemas"]["Atto"];
            epoch: number;
            /** Format: date-time */
            at: string;
            /** @description CID of the message that it is about */
            message?: string;
            text?: string;
        };
        /** @description The one message to the market that is under way */
        FundingMessage: {
            /** @enum {string} */
            kind: "top_up" | "settle";
            amount: components["schemas"]["Atto"];
            /** @description Of a settlement, by their ids on the chain */
            deals?: number[];
            nonce: number;
            /** @description Of its newest version */
            cid: string;
            /** @description How often it was signed, each time with more gas */
            versions: number;
            sinceEpoch: number;
            feeAtMost: components["schemas"]["Atto"];
            /** @description Where the chain has it, which is not final yet */
            seenHeight?: number;
        };
        Wallet: {
            maker: string;
            held?: components["schemas"]["Reason"];
            /** @description At finality, but for the wallet's */
            funds?: {
                address: string;
                wallet: components["schemas"]["Atto"];
                escrow: components["schemas"]["Atto"];
                locked: components["schemas"]["Atto"];
            };
            escrow?: components["schemas"]["EscrowStanding"];
            message?: components["schemas"]["FundingMessage"];
            /** @description Of all lines about this wallet, by kind */
            sums?: {
                [key: string]: components["schemas"]["Atto"];
            };
            /** @description Newest first */
            lines: components["schemas"]["EscrowLine"][];
        };
        /** @description The cold layer; nothing but `maker` when that is `none` */
        ColdStatus: {
            /** @description `none` when no deals are made */
            maker: string;
            held?: components["schemas"]["Reason"];
            breaker?: components["schemas"]["Breaker"];
            /** @description As it was seen last */
            chain?: {
                network: string;
                headEpoch: number;
                finalizedEpoch: number;
                /** @description How far the head lies behind the clock, where that can be said */
                behindSeconds?: number;
                /**
                 * Format: date-time
                 * @description When it was looked at
                 */
                at: string;
            };
            /** @description Of the wallet that pays */
            funds?: {
                address: string;
                wallet: components["schemas"]["Atto"];
                escrow: components["schemas"]["Atto"];
                locked: components["schemas"]["Atto"];
            };
            escrow?: components["schemas"]["EscrowStanding"];
            budget?: components["schemas"]["Budget"];
            /** @description How many, by state */
            deals?: {
                [key: string]: number;
            };
            unknownDeals?: number;
            /** @description How many, by state */
            pieces?: {
                [key: string]: number;
            };
            /** @description Pieces that have fewer copies than wanted and wait; absent when there is none */
            short?: {
                pieces: number;
                /** @description Of these, with fewer than `min` */
                belowMin: number;
                /** @description There may be more than were counted */
                more: boolean;
                /** @description What most of them wait for */
                reason: components["schemas"]["Reason"];
            };
            committed?: components["schemas"]["Atto"];
            /** @description Providers that deals may be made with, by the config or by the operator's word */
            trusted?: string[];
            /** @description Providers that failed in a row and are given no deals for a while */
            setAside?: {
                provider: string;
                reason: components["schemas"]["SetAside"];
            }[];
        };
        NewBlock: {
            /**
             * @description Why, for whoever asks later
             * @default
             */
            note: string;
        };
        Block: {
            /** @description CIDv1 in base32 */
            cid: string;
            note: string;
            /** Format: date-time */
            at: string;
        };
        CheckLine: {
            /** @description Read so far */
            records: number;
            done: boolean;
            /** @description On the last line, a sentence for each thing that is wrong */
            problems?: string[];
        };
        NewDrill: {
            /** @description These contents, however large; without them some are drawn, of `limits.drill_bytes` together */
            cids?: string[];
            /** @description So many contents are drawn at most; by default 5 */
            count?: number;
        };
        DrillLine: {
            done: boolean;
            /** @description On the first line, how many copies are asked for */
            planned?: number;
            copy?: components["schemas"]["DrillCopy"];
            report?: components["schemas"]["Drill"];
            /** @description On the last line instead of a report, why it broke off */
            error?: string;
        };
        DrillCopy: {
            cid: string;
            provider: string;
            deal: string;
            /**
             * @description `skipped` says nothing of the provider
             * @enum {string}
             */
            end: "ok" | "failed" | "skipped";
            /** @enum {string} */
            code: "done" | "refused" | "unreachable" | "stalled" | "wrong_bytes" | "endless" | "incomplete" | "paid" | "ended" | "silent" | "no_room";
            text: string;
            /** @description Of the content that came */
            bytes: number;
            firstByteMs?: number;
            tookMs: number;
        };
        /** @description Times are of the copies that came whole */
        DrillProvider: {
            provider: string;
            ok: number;
            failed: number;
            skipped: number;
            bytes: number;
            /** @description In the middle */
            firstByteMs?: number;
            /** @description From asking to the last byte, in the middle */
            p50Ms?: number;
            p95Ms?: number;
            bytesPerSecond?: number;
            /** @description Why copies failed or were skipped, each reason once */
            why: string[];
        };
        Drill: {
            /** Format: date-time */
            started: string;
            /** Format: date-time */
            ended: string;
            /** @description Copies that were to be asked for; fewer were when it was stopped */
            planned: number;
            /** @description Those first that failed most */
            providers: components["schemas"]["DrillProvider"][];
            copies: components["schemas"]["DrillCopy"][];
            /** @description CIDs that were asked for and of which nobody has an active copy */
            without: string[];
        };
        Pass: {
            due: number;
            done: number;
            failed: number;
            /** @description How many were left alone, by reason */
            skipped: {
                [key: string]: number;
            };
        };
        Status: {
            version: string;
            /** @description Version of Node */
            node: string;
            pid: number;
            /** Format: date-time */
            started: string;
            /** @description Where the pinning API listens */
            endpoint: string;
            /** @description Where contents are read: `GET /ipfs/{cid}[/path]`, as the IPFS HTTP gateway has it */
            gateway: string;
            /** @description The config file */
            config: string;
            stateDir: string;
            cacheDir: string;
            accounts: number;
            pins: components["schemas"]["PinCounts"];
            /** @description Fetches under way */
            fetching: number;
            held?: components["schemas"]["Reason"];
            hot: {
                up: boolean;
                /** @description What is wrong, or the version that runs */
                detail: string;
                peerId?: string;
                addresses: string[];
                repoBytes?: number;
                capacityBytes?: number;
            };
            cold: components["schemas"]["ColdStatus"];
            /** @description Records by type */
            store: {
                [key: string]: number;
            };
            disk: {
                freeBytes: number;
                minFreeBytes: number;
            };
            reconcilers: string[];
        };
    };
    responses: {
        /** @description Why not */
        Failure: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"];
            };
        };
    };
    parameters: {
        /** @description Its id or its name */
        accountInPath: string;
        /** @description Id or name of an account; without it, all */
        account: string;
        /** @description The first day, in UTC; without it the thirtieth before the last, that one counted */
        fromDay: components["schemas"]["Day"];
        /** @description The last day; without it today. At most 400 days are answered at once */
        toDay: components["schemas"]["Day"];
        requestId: string;
        /** @description Its id, as f01234 */
        provider: string;
    };
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getPinDeals: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many there are of how many wanted, what happens next, and every deal, oldest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PinDeals"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getPinReceipt: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The receipt, for each piece that active deals with the content are about */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Receipt"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    createLink: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewLink"];
            };
        };
        responses: {
            /** @description The link; it is not kept here, and cannot be taken back alone */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Link"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getPiece: {
        parameters: {
            query?: never;
            header?: {
                Range?: string;
                "If-Range"?: string;
            };
            path: {
                /** @description Id of the deal, as it is here */
                deal: string;
                /** @description How much is served, at least the size of the CAR; what is more are zeros behind it */
                bytes: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of it */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.ipld.car": string;
                };
            };
            /** @description The range */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.ipld.car": string;
                };
            };
            /** @description There is no token */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The token is another one */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description There is no such deal any more */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The deal has started, or is over */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The range begins at or behind the end, which `Content-Range` has */
            416: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The piece was fetched twenty times over for this deal, or too many wrong tokens came from this address */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            /** @description The bytes are not at hand just now, or too many fetch at once; `Retry-After` says when to try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    uploadCar: {
        parameters: {
            query?: {
                /** @description Of the pin */
                name?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/vnd.ipld.car": string;
            };
        };
        responses: {
            /** @description All of it is here and the pin is accepted; it is `pinned` in a moment */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Upload"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getUsage: {
        parameters: {
            query?: {
                /** @description The first day, in UTC; without it the thirtieth before the last, that one counted */
                from?: components["parameters"]["fromDay"];
                /** @description The last day; without it today. At most 400 days are answered at once */
                to?: components["parameters"]["toDay"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Sums, and the days on which there was anything, oldest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Usage"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its version, addresses, pins, hot tier, store and disk */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Status"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listAccounts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Each with what it holds */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        accounts: components["schemas"]["Account"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    addAccount: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewAccount"];
            };
        };
        responses: {
            /** @description The account */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    deleteAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What went */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deletion"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getAccountUsage: {
        parameters: {
            query?: {
                /** @description The first day, in UTC; without it the thirtieth before the last, that one counted */
                from?: components["parameters"]["fromDay"];
                /** @description The last day; without it today. At most 400 days are answered at once */
                to?: components["parameters"]["toDay"];
                /** @description Name so many contents, those with most bytes */
                contents?: number;
            };
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Sums, days, and the contents that were asked for */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountUsage"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    suspendAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    unsuspendAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id or its name */
                account: components["parameters"]["accountInPath"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listTokens: {
        parameters: {
            query?: {
                /** @description Id or name of an account; without it, all */
                account?: components["parameters"]["account"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Never their secrets, which nobody has but who was given them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        tokens: components["schemas"]["Token"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            /** @description The token with its secret, which is shown this once */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        token: components["schemas"]["Token"];
                        secret: string;
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    revokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The token that was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    createAccountLink: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewAccountLink"];
            };
        };
        responses: {
            /** @description The link, as `POST /v1/links` makes it */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Link"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listPins: {
        parameters: {
            query?: {
                /** @description Id or name of an account; without it, all */
                account?: components["parameters"]["account"];
                /** @description In any version and multibase */
                cid?: string;
                status?: components["schemas"]["PinStatus"][];
                name?: string;
                /** @description How `name` is compared */
                match?: "exact" | "iexact" | "partial" | "ipartial";
                /** @description Strictly before */
                before?: string;
                /** @description Strictly after */
                after?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page, and how many match in all */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        count: number;
                        pins: components["schemas"]["Pin"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    addPin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewPin"];
            };
        };
        responses: {
            /** @description The pin; it is on disk */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getPin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    removePin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin that was */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    retryPin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pin"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getPinLog: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        events: components["schemas"]["PinEvent"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    explainPin: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pin, the pieces its content is in, and their deals */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Explanation"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    exportReceipt: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                requestId: components["parameters"]["requestId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The receipt */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Receipt"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listDeals: {
        parameters: {
            query?: {
                state?: components["schemas"]["DealState"][];
                /** @description With `true`, only those of which it is not known whether they were made */
                unknown?: "true";
                provider?: string;
                /** @description Id of a piece */
                piece?: string;
                /** @description Of a content, in any version and multibase */
                cid?: string;
                /** @description `next` of the page before */
                after?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        deals: components["schemas"]["Deal"][];
                        /** @description There is more: give this as `after` */
                        next?: string;
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getDeal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id */
                deal: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The deal */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deal"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getPlan: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The steps, most urgent first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Plan"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listProviders: {
        parameters: {
            query?: {
                /** @description Those, too, that a scan has found and nobody trusts */
                all?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Each with what it asks, what it did, and its score */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        providers: components["schemas"]["Provider"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    scanProviders: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewScan"];
            };
        };
        responses: {
            /** @description Lines of JSON */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["ScanLine"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    askProvider: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The provider as it is by now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    trustProvider: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The provider */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    untrustProvider: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The provider */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    suspendProvider: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewNote"];
            };
        };
        responses: {
            /** @description The provider */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    unsuspendProvider: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its id, as f01234 */
                provider: components["parameters"]["provider"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The provider */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getWallet: {
        parameters: {
            query?: {
                /** @description At most so many of the newest lines of the book */
                lines?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description As it was seen last */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Wallet"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    freeze: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewNote"];
            };
        };
        responses: {
            /** @description What holds now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Breaker"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    unfreeze: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What held until now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Breaker"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    listBlocks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Each with its note */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        blocks: components["schemas"]["Block"][];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    blockContent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description In any version and multibase */
                cid: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewBlock"];
            };
        };
        responses: {
            /** @description How many pins failed by it */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description CIDv1 in base32 */
                        cid: string;
                        pins: number;
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    unblockContent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description In any version and multibase */
                cid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The content */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @description CIDv1 in base32 */
                        cid: string;
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    uploadFiles: {
        parameters: {
            query: {
                /** @description Id or name of the account it is pinned for */
                account: string;
                /** @description Of the pin */
                name?: string;
                /** @description How many the files have, where that is known; more than one pin may have are refused before any are sent */
                bytes?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": string;
            };
        };
        responses: {
            /** @description Lines of JSON */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["UploadLine"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    readContent: {
        parameters: {
            query?: {
                /** @description Below the CID, as `a/b` */
                path?: string;
                format?: "tar";
            };
            header?: never;
            path: {
                cid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The archive. `Fbpd-Content-Bytes` is the size of the content's blocks, where it is known and all of it is read; `Fbpd-Reading` is what to ask for when it breaks off */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-tar": string;
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getReadingFailure: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                reading: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The failure, as it would have been the reply before the first byte */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Failure"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    checkStore: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Lines of JSON */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["CheckLine"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    getDrill: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nothing in it when there was none */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        last?: components["schemas"]["Drill"];
                    };
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    drill: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewDrill"];
            };
        };
        responses: {
            /** @description Lines of JSON */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": components["schemas"]["DrillLine"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
    reconcile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which; an unknown name is answered with all there are */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the pass did */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pass"];
                };
            };
            default: components["responses"]["Failure"];
        };
    };
}
